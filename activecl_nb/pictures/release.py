"""Letting go of what a cell showed before, when the cell shows something new.

IPython keeps every output of a notebook in ``Out`` and ``_12``, and ipywidgets every widget in a
register. A cell that is run six times would keep six explorers alive.
"""

from __future__ import annotations

import weakref
from typing import Any

_shown: dict[str, weakref.ref[Any]] = {}  # cell -> what it showed last


def replaces(new: object) -> None:
    """Say that the running cell shows ``new``: what it showed before is let go.

    It is kept where a name of the notebook's own still stands for it. Outside a notebook
    nothing happens. A front end that does not name its cells is taken at their text.
    """
    shell, cell = _running()
    if not cell:
        return
    old = _shown.get(cell, lambda: None)()
    _shown[cell] = weakref.ref(new)
    if old is None or old is new:
        return
    names = [name for name, value in shell.user_ns.items() if value is old]
    if any(not name.startswith("_") for name in names):
        return
    for name in names[:1]:  # one name finds them all, ``Out`` too
        shell.del_var(name)
    close = getattr(old, "close", None)
    if close:
        close()


def _running() -> tuple[Any, str]:
    """The shell, and the name of the cell that is being run ("" where there is none)."""
    try:
        from IPython import get_ipython
    except ImportError:
        return None, ""
    shell = get_ipython()
    parent = getattr(shell, "parent_header", None) or {}
    if not parent and hasattr(shell, "get_parent"):
        parent = shell.get_parent()
    named = (parent.get("metadata") or {}).get("cellId")
    return shell, str(named or (parent.get("content") or {}).get("code") or "")
