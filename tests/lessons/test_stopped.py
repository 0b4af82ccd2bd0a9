"""An answer that is older than the last one written is not judged."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from IPython.core.interactiveshell import InteractiveShell

from activecl_nb.lessons import predictions, stopped

CHECK = "from activecl_nb.lessons import checks\nsaid = checks.table_one(my_answer)"
FIRST = "from activecl_nb.lessons import predictions\n"
ANSWER = f'{FIRST}said = predictions.word(guess_late, "below", ("below", "above"))'


@pytest.fixture
def shell() -> Iterator[InteractiveShell]:
    shell = InteractiveShell.instance()
    stopped.watch()
    yield shell
    stopped._stopped.clear()
    InteractiveShell.clear_instance()


def run(shell: InteractiveShell, *cells: str) -> str:
    """What the last of these cells leaves in ``said``."""
    for cell in cells:
        shell.run_cell(cell, store_history=True)
    return str(shell.user_ns["said"])


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ("my_answer = c", "NameError"),
        ("my_answer = “c”", "SyntaxError"),
        ("my_answer, other = c, 3", "NameError"),
        ("my_answer: str = 1 / 0", "ZeroDivisionError"),
        ("my_answer = 0,05", "SyntaxError: write 0.05 for 0,05"),
        ("my_answer = 85%  # a share", "SyntaxError: write 0.85 for 85%"),
    ],
)
def test_an_older_answer_is_not_praised(shell: InteractiveShell, wrong: str, error: str) -> None:
    assert run(shell, 'my_answer = "c"', CHECK).startswith("solved")
    for said in (run(shell, wrong, CHECK), run(shell, CHECK), run(shell, "x = 3", CHECK)):
        assert said == (
            f"not solved: the cell that sets my_answer stopped with an error ({error}); "
            "mend it and run it, then check"
        )
    assert run(shell, 'my_answer = "c"', CHECK).startswith("solved")


def test_a_function_that_does_not_parse(shell: InteractiveShell) -> None:
    check = CHECK.replace("table_one(my_answer)", "typicality(my_typicality)")
    assert run(shell, "def my_typicality(x, k):\n    ...", check).startswith("not yet")
    assert "(SyntaxError)" in run(shell, "def my_typicality(x, k):\n    return (", check)
    assert run(shell, "def my_typicality(x, k):\n    ...", check).startswith("not yet")


def test_an_answer_in_the_cell_of_its_check_is_new(shell: InteractiveShell) -> None:
    both = f"my_answer = {{}}\n{CHECK}"
    run(shell, "said = 0", both.format("c"))
    assert run(shell, both.format('"c"')).startswith("solved")


def test_an_older_guess_is_not_answered(shell: InteractiveShell) -> None:
    assert run(shell, 'guess_late = "below"', ANSWER) == 'You said "below", and that is right.'
    assert " ".join(run(shell, "guess_late = above", ANSWER).split()) == (
        "The cell that sets guess_late stopped with an error (NameError), so your guess did not "
        'arrive. The answer is "below".'
    )
    assert run(shell, "more = 1 / 0", 'guess_late = "above"', f"{ANSWER}\nmore") == (
        'You said "above"; the answer is "below".'
    )


def test_a_first_answer_that_stops_is_told_as_well(shell: InteractiveShell) -> None:
    for wrong, error in (("my_first = c", "NameError"), ("my_first = 85%", "SyntaxError")):
        said = run(shell, wrong, CHECK.replace("my_answer", "my_first"))
        assert said.startswith(
            f"not solved: the cell that sets my_first stopped with an error ({error}"
        )
    said = run(shell, "guess_first = below", ANSWER.replace("guess_late", "guess_first"))
    assert " ".join(said.split()).startswith("The cell that sets guess_first stopped with an error")
    run(shell, "other = 1 / 0")
    assert "other" not in shell.user_ns  # no answer: Python's own error serves


def test_outside_a_notebook_nothing_is_remembered() -> None:
    assert not InteractiveShell.initialized()
    stopped.watch()
    assert stopped.older() == ""
    assert predictions.word("a", "a", "ab") == 'You said "a", and that is right.'
