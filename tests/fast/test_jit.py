"""Compiled functions: kept beside the source, else in the kit's cache, else compiled anew."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from activecl_nb.fast import jit

SOURCE = """
from activecl_nb.fast.jit import compiled
from numba import njit
import {helper}

@compiled(nogil=True)
def twice(x):
    return {helper}.double(x)
"""
HELPER = "from numba import njit\n\n@njit\ndef double(x):\n    return {factor} * x\n"


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package whose compiled function calls another file's; and the kit's cache."""
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setenv("ACTIVECL_HOME", str(tmp_path / "home"))
    folder = tmp_path / "pack"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    jit._folder.cache_clear()
    yield folder
    jit._folder.cache_clear()


def load(package: Path, helper: str, factor: int = 2):
    """The package, as a process that starts now would see it."""
    written = {
        f"{helper}.py": HELPER.format(factor=factor),
        "main.py": SOURCE.format(helper=helper),
    }
    for name, text in written.items():
        file = package / name
        if not file.exists() or file.read_text() != text:  # an older Numba looks at a file's time
            file.write_text(text)
    spec = importlib.util.spec_from_file_location("main", package / "main.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.twice


def hits(function) -> int:
    return sum(function.stats.cache_hits.values())


def test_code_is_kept_beside_the_source_and_read_again(package):
    function = load(package, "helper_a")
    assert function(4) == 8 and hits(function) == 0
    assert list((package / "__pycache__").rglob("*.nbc"))
    again = load(package, "helper_a")
    assert again(4) == 8 and hits(again) == 1


def test_a_change_in_another_file_is_seen(package):
    assert load(package, "helper_b")(4) == 8
    jit._folder.cache_clear()
    import helper_b

    (package / "helper_b.py").write_text(HELPER.format(factor=3))
    spec = importlib.util.spec_from_file_location("helper_b", package / "helper_b.py")
    spec.loader.exec_module(helper_b)
    changed = load(package, "helper_b", factor=3)
    assert changed(4) == 12 and hits(changed) == 0


def test_where_the_package_cannot_be_written_the_kits_cache_serves(package, tmp_path):
    (package / "__pycache__").write_text("a file, so that no folder can be made here")
    assert load(package, "helper_c")(4) == 8
    assert list((tmp_path / "home" / "compiled").rglob("*.nbc"))


def test_where_nothing_can_be_written_it_is_compiled_all_the_same(package, tmp_path):
    (package / "__pycache__").write_text("")
    (tmp_path / "home").write_text("")
    assert load(package, "helper_d")(4) == 8


def test_no_flipped_bit_is_run(package):
    load(package, "helper_f")(4)
    flips = np.random.default_rng(0)
    for path in sorted((package / "__pycache__").rglob("*.nb?")):
        whole = path.read_bytes()
        for place in flips.integers(0, len(whole), 8):
            path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
            again = load(package, "helper_f")
            assert again(4) == 8 and hits(again) == 0
            assert again.stats.cache_misses
        path.write_bytes(whole)


def test_damaged_code_is_compiled_anew(package):
    load(package, "helper_e")(4)
    for path in (package / "__pycache__").rglob("*.nb?"):
        path.write_bytes(path.read_bytes()[:40])
    again = load(package, "helper_e")
    assert again(4) == 8 and hits(again) == 0
