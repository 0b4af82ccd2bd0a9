"""Images that nobody has looked at: all in a folder, whatever the folders below it are called."""

from __future__ import annotations

import os
import re
from pathlib import Path

from activecl_nb.sources.archive import ImageFiles, on_disk
from activecl_nb.sources.folders import is_image, patients_in, walk
from activecl_nb.sources.image import ENDINGS
from activecl_nb.sources.names import one_form

UNLABELLED = "unlabelled"  # their class


def from_files(
    root: str | os.PathLike[str], *, patient: str | re.Pattern[str] | None = None
) -> ImageFiles:
    """All images in a folder and below it, sorted by path, whatever their class.

    patient: as in ``from_folder``. Raises FileNotFoundError, or ValueError if there is no image.
    """
    root = Path(os.path.expanduser(root))
    if not os.path.isdir(root):
        raise FileNotFoundError(f"{root} is not a folder; give the folder of the images")
    paths = sorted(
        folder / name for folder, names in walk(root) for name in names if is_image(name)
    )
    if not paths:
        raise ValueError(f"{root} holds no images ({' '.join(ENDINGS)})")
    names = [one_form(path.relative_to(root).as_posix()) for path in paths]
    classes, facts = [UNLABELLED] * len(names), patients_in(names, patient, False, str(root))
    return on_disk(names, paths, classes, (UNLABELLED,), str(root), facts)
