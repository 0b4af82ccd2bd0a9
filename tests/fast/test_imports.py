"""Modules that an interrupt does not leave half imported."""

from __future__ import annotations

import importlib
import signal
import sys
from pathlib import Path

import pytest

from activecl_nb.fast import imports

INTERRUPTS = """\
import _thread

first = True
_thread.interrupt_main()  # as the stop button does
done = True
"""


def test_an_interrupt_stops_the_caller_and_not_the_import(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "stopped_half_way.py").write_text(INTERRUPTS)
    monkeypatch.syspath_prepend(tmp_path)
    # A suite that a shell started in the background ignores interrupts; a kernel does not.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            imports.whole("stopped_half_way")
            for _ in range(3):  # Python looks for an interrupt as a loop turns
                pass
    finally:
        signal.signal(signal.SIGINT, before)
    assert importlib.import_module("stopped_half_way").done
    imports.whole("stopped_half_way")  # which is there, and is not imported again
    del sys.modules["stopped_half_way"]
