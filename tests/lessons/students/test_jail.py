"""What a command sees and can do in the jail."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from activecl_nb.lessons.students import collecting

LOOK = """
import json, os, pathlib
wrote = []
for place in {places}:
    try: pathlib.Path(place, "new").write_text("x"); wrote.append(place)
    except OSError: pass
listed = {{place: sorted(os.listdir(place)) for place in {places}}}
print(json.dumps([os.environ["ACTIVECL_CONFINED"], listed, wrote]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has namespaces")
def test_folders_are_hidden_but_for_what_is_needed_in_them(tmp_path: Path) -> None:
    home, needed, work, handed_in = (
        tmp_path / name for name in ("a home", "a home/venv", "a home/work", "in: all")
    )
    for folder in (home, needed, work, handed_in):
        folder.mkdir()
        (folder / "file").write_text("x")
    (home / "link").symlink_to(needed)
    jail = Path(collecting.__file__).with_name("jail.py")
    hidden, shown = [home, handed_in, tmp_path / "none"], [needed, home / "link", sys.base_prefix]
    places = list(map(str, (home, needed, home / "link", work, handed_in)))
    seen = (json.dumps(list(map(str, one))) for one in (hidden, shown))
    look = [sys.executable, "-c", LOOK.format(places=places)]
    done = subprocess.run(
        [sys.executable, jail, work, *seen, *look], capture_output=True, check=True, cwd=tmp_path
    )
    confined, listed, wrote = json.loads(done.stdout)
    if not confined:
        pytest.skip("this system forbids namespaces")
    assert list(listed.values()) == [["link", "venv", "work"], ["file"], ["file"], ["new"], []]
    assert wrote == [str(work)]
    assert not (work / "new").exists()  # it was in memory
