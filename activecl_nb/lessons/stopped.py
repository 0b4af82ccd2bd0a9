"""Which names a cell was to set and did not, since it stopped with an error.

``my_answer = b``, without quotes, stops with a NameError and leaves ``my_answer`` as it was before.
Whoever then runs the check would hear about the older answer, and may be praised for it. So each
cell that stops is remembered by the names that it sets, until a cell that sets them runs through.
An answer that has no value yet gets the three dots of its stub, so that the check can say so, where
Python would stop with another NameError. Outside a notebook nothing is remembered.
"""

from __future__ import annotations

import re
import sys
from typing import Any

# Name -> the kind of error that stopped the last cell that was to set it.
_stopped: dict[str, str] = {}


def older(beginning: str = "") -> str:
    """What stopped the cell that sets a name of the running cell; empty if nothing did.

    beginning: look at names that begin so. Returns the beginning of a sentence: "the cell that
    sets my_answer stopped with an error (NameError)".
    """
    shell = _shell()
    if shell is None:
        return ""
    running = shell.history_manager.input_hist_raw[-1]
    named = set(re.findall(r"\w+", running)) - _set_by(running)
    for name in sorted(named & set(_stopped)):
        if name.startswith(beginning):
            return f"the cell that sets {name} stopped with an error ({_stopped[name]})"
    return ""


def watch() -> None:
    """Look at each cell that ends from now on, and at the one that ended last."""
    shell = _shell()
    if shell is not None:
        shell.events.register("post_run_cell", _ended)
        if shell.last_execution_result is not None:
            _ended(shell.last_execution_result)


def _ended(result: Any) -> None:
    error = result.error_before_exec or result.error_in_exec
    kind = type(error).__name__
    if "leading zeros" in str(error):  # what Python says of 0,05
        kind += ": write 0.05 for 0,05"
    elif error is not None and (per_cent := re.search(r"= *(\d+)%", result.info.raw_cell or "")):
        kind += f": write {int(per_cent[1]) / 100:g} for {per_cent[1]}%"
    for name in _set_by(result.info.raw_cell or ""):
        _stopped.pop(name, None)
        if error is not None:
            _stopped[name] = kind
            if (shell := _shell()) is not None and name.startswith(("my_", "guess_")):
                shell.user_ns.setdefault(name, ...)


def _set_by(cell: str) -> set[str]:
    """Names at the start of a line, before ``=`` or after ``def``, of a cell that may not parse."""
    lines = re.findall(r"^(?:def +(\w+) *\(|(\w[\w, ]*)(?::[^=\n]+)?=(?!=))", cell, re.MULTILINE)
    return {name for pair in lines for name in re.findall(r"\w+", " ".join(pair))}


def _shell() -> Any:
    ipython = sys.modules.get("IPython")  # who has not imported it runs no notebook
    return ipython.get_ipython() if ipython else None


watch()  # a cell that stops before the first check is imported is the one that ended last
