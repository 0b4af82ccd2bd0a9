"""What the lessons ask."""

from __future__ import annotations

import pytest

from activecl_nb.lessons.students import exercises
from activecl_nb.lessons.students.exercises import Exercise, Lesson


@pytest.fixture(scope="session")
def lessons() -> dict[str, Lesson]:
    return exercises.lessons()


@pytest.fixture(scope="session")
def asked(lessons: dict[str, Lesson]) -> dict[str, Exercise]:
    """Every exercise by its key, such as "04-1"."""
    return {e.key: e for lesson in lessons.values() for e in lesson.exercises}
