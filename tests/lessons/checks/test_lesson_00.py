"""Lesson 00 has no exercises; it has the map of all others."""

from __future__ import annotations

import re

from notebook_tools import (
    LESSONS,
    cell,
    exercises,
    load,
)


def test_start_here_has_no_exercises() -> None:
    assert exercises(load("00_start_here")) == []


def test_the_map_of_lessons_is_right() -> None:
    """Lesson 00 links every other lesson and gives the minutes that stand at its head."""
    rows = re.findall(
        r"\]\((\w+)\.ipynb\), (\d+) \+ (\d+) minutes: ", cell(load("00_start_here"), "map-section")
    )
    assert [row[0] for row in rows] == [p.stem for p in LESSONS[1:]]
    for name, teaching, doing in rows:
        stated = f"Teaching: {teaching} minutes. Exercises: {doing} minutes."
        assert stated in load(name).cells[0].source, f"{name} does not say {stated!r}"
