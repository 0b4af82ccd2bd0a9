"""The lessons as a folder of one's own, wherever the kit itself was installed from."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from activecl_nb import files

# What the lessons' text points to, beside the notebooks themselves.
PARTS = ("notebooks", "teaching", "results", "data_download.py", "README.md", "LICENSE")


def copy_lessons(folder: str | os.PathLike[str]) -> Path:
    """Copy the notebooks and what they point to into ``folder``; returns their own folder in it.

    Files that are there already stay as they are: a lesson that was worked in is never
    overwritten.

    FileNotFoundError: this copy of the kit lacks its notebooks.
    """
    folder = files.expanded(folder)
    if not files.of_the_kit("notebooks").is_dir():
        raise FileNotFoundError(
            f"{files.of_the_kit('notebooks')} is not there; install the kit from its repository"
        )
    for name in PARTS:
        copy_new(files.of_the_kit(name), folder / name)
    return folder / "notebooks"


def copy_new(source: Path, target: Path) -> None:
    """Copy a file, or all files of a folder, to where there is none yet."""
    if source.is_dir():
        for child in sorted(source.iterdir()):
            if child.name not in ("__pycache__", ".ipynb_checkpoints"):
                copy_new(child, target / child.name)
    elif source.is_file() and not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        with files.replacing(target) as temporary:
            shutil.copyfile(source, temporary)
