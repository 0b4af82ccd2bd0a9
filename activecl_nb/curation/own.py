"""Which of the kit's sources a path of one's own patches is; and a miniature to try the road on."""

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


def miniature(folder: str | os.PathLike[str], count: int = 360, seed: int = 0) -> Path:
    """Drawn patches as PNGs, and their table patches.csv with patients; returns the table.

    It stands for a set of one's own where there is none at hand.
    """
    from PIL import Image

    from activecl_nb import files, tissue

    drawn = tissue.load("phantom", count=count, seed=seed)
    lines = ["file,label,patient"]
    for i, (pixels, label) in enumerate(zip(drawn.images.numpy(), drawn.labels, strict=True)):
        name = f"image/{drawn.class_names[label]}/{i:04d}.png"
        file = Path(folder) / name
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels.transpose(1, 2, 0).copy()).save(file)
        lines.append(f"{name},{drawn.class_names[label]},{drawn.facts['patient'][i]}")
    files.write(Path(folder) / TABLE, "\n".join(lines) + "\n")
    return Path(folder) / TABLE
