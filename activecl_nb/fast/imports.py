"""Modules that an interrupt does not leave half imported."""

from __future__ import annotations

import importlib
import sys
import threading


def whole(name: str) -> None:
    """Import a module to its end, also where the caller is interrupted meanwhile.

    The first Adam of a process imports torch._dynamo, which takes seconds. Whoever stops a cell
    just then would be left with half of it, and each later training of that kernel would fail with
    "partially initialized module". Only the main thread is interrupted, so another one imports.
    """
    if name not in sys.modules:
        thread = threading.Thread(target=importlib.import_module, args=(name,))
        thread.start()
        thread.join()
