"""An answer that is one of a few words, however it is spelt."""

from __future__ import annotations

from activecl_nb.lessons.checks.verdict import refuse
from activecl_nb.lessons.meaning import meant, quoted


def one_of(answer: object, *choices: str) -> str:
    """The word that was meant. NotSolved: it is none of them."""
    word = meant(answer, choices)
    if word is None:
        *others, last = map(repr, choices)
        refuse(f"answer with {', '.join(others)} or {last}, not {quoted(answer)}")
    return word
