"""Letting go of what a cell showed before, when the cell is run again.

IPython keeps every output of a notebook in ``Out`` and ``_12``, and ipywidgets every widget in a
register. A cell that is run six times would keep six explorers alive.
"""

from __future__ import annotations

import weakref
from typing import Any

# Cell -> the execution in which it last showed something, and what it showed then.
_shown: dict[str, tuple[int, list[weakref.ref[Any]]]] = {}


def replaces(new: object) -> None:
    """Say that the running cell shows ``new``: what it showed when it was run before is let go.

    It is kept where a name of the notebook's own still stands for it; what is let go and shown
    again nevertheless makes its widgets anew. Outside a notebook nothing happens. A front end
    that does not name its cells is taken at their text.
    """
    shell, cell = _running()
    if not cell:
        return
    execution, shown = _shown.get(cell, (shell.execution_count, []))
    if execution != shell.execution_count:
        for old in [ref() for ref in shown]:
            if old is not None and old is not new:
                _let_go(shell, old)
        shown = []
    _shown[cell] = (shell.execution_count, [*shown, weakref.ref(new)])


def _let_go(shell: Any, old: Any) -> None:
    names = [name for name, value in shell.user_ns.items() if value is old]
    if any(not name.startswith("_") for name in names):
        return
    for name in names[:1]:  # one name finds them all, ``Out`` too
        shell.del_var(name)
    old.close()


def _running() -> tuple[Any, str]:
    """The shell, and the name of the cell that is being run ("" where there is none)."""
    from IPython import get_ipython

    shell = get_ipython()
    parent = getattr(shell, "parent_header", None) or {}
    named = (parent.get("metadata") or {}).get("cellId")
    return shell, str(named or (parent.get("content") or {}).get("code") or "")
