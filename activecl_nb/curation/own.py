"""Which of the kit's sources a path of one's own patches is."""

from __future__ import annotations

import os
from pathlib import Path

TABLE = "patches.csv"  # what ``data_download.py ebhi`` and the notebook write


def source(path: str | os.PathLike[str]) -> tuple[str, Path]:
    """("table", its file) or ("folder", the folder) for a path that a user names.

    A folder that holds patches.csv is a table.

    FileNotFoundError: there is nothing.
    """
    path = Path(os.path.expanduser(path))
    if path.is_dir():
        return ("table", path / TABLE) if (path / TABLE).is_file() else ("folder", path)
    if not path.exists():
        raise FileNotFoundError(f"{path} is not there; give a folder of images, or a table of them")
    return "table", path
