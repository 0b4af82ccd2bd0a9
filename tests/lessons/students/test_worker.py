"""Where answers run, and where they are judged."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from activecl_nb.lessons.students import worker
from activecl_nb.lessons.students.worker import Answers, Stopped

CODE = """
import os
calls = []
typed = 0.25
def mine(x, draw=None):
    calls.append(1)
    if draw is not None:
        return draw.random(2)
    if len(calls) > 4:
        os._exit(7)
    x += 1
    return [len(calls), x.sum().item(), os.getpid()]
def wrong(x):
    raise LookupError("no such thing")
"""
WAYS = [pytest.param(False, marks=pytest.mark.slow)] + [True] * worker.FORKS


@pytest.fixture(params=WAYS, ids=lambda forks: "forked" if forks else "begun anew")
def answers(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Answers]:
    """Answers run in a process of their own, where forks are cheap and where they are not."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        made = Answers(30, None, forks=request.param)
        yield made
        made.end()


def task(code: str, *wanted: str, **more: Any) -> dict[str, Any]:
    return {"seed": 0, "imports": "", "answer": code, "wanted": wanted, "names": (), **more}


def test_functions_stay_there_and_values_come_here(answers: Answers) -> None:
    given = answers.begin(task(CODE, "mine", "typed", "wrong", "none"))
    assert set(given) == {"mine", "typed", "wrong"} and given["typed"] == 0.25
    x = torch.ones(3)
    count, total, process = given["mine"](x)
    assert (count, total) == (1, 6) and process != os.getpid()
    assert x.tolist() == [2, 2, 2]  # changed there, and here
    assert given["mine"](np.ones(2))[:2] == [2, 4]
    drawn = given["mine"](x, np.random.default_rng(3))
    assert drawn.tolist() == np.random.default_rng(3).random(2).tolist()
    with pytest.raises(Exception, match="no such thing") as caught:
        given["wrong"](1)
    assert caught.type.__name__ == "LookupError"
    given["mine"](x)
    with pytest.raises(Stopped, match="code 7"):
        given["mine"](x)
    answers.end()
    assert answers.begin(task("typed = 'again'", "typed")) == {"typed": "again"}


def test_an_answer_that_stops_has_a_mark(answers: Answers) -> None:
    more = {"check": "checks.f1(my_f1)", "imports": "from activecl_nb.lessons import checks"}
    for code, name in {
        "raise SystemExit": "error-SystemExit",
        "other = 1": "error-NameError",
        "def my_f1(a, b): raise KeyboardInterrupt": "error-KeyboardInterrupt",
        "import os\ndef my_f1(a, b): return os.system('true')": "not-allowed",
        "my_f1 = ...": "not-yet",
    }.items():
        told = worker.mark(task(code, "my_f1", **more), answers)
        assert (told["name"], told["solved"], told["ended"]) == (name, False, False)
