"""Whether a folder holds what its manifest says."""

from __future__ import annotations

import os

from activecl_nb import files


def verified(folder: str | os.PathLike[str], *names: str) -> bool:
    """Hold these files (by default all that are sealed) against the manifest; an error names one.

    False: the folder has no manifest, so nobody can tell.
    """
    manifest = files.Manifest.of(folder)
    for name in names or (manifest.entries or ()):
        manifest.verify(name)
    return manifest.sealed
