"""Names of files, classes and patients: which of them are one and the same, written in two ways."""

from __future__ import annotations

import re
import unicodedata
import warnings
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from decimal import Decimal

REAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,6})?")
# What is written where nothing is known; no patient is called that, though a class may be.
UNKNOWN = {"nan", "-nan", "n/a", "#n/a", "<na>", "none", "null", "unknown", "-", "--", "?", "."}
# Signs that show nothing, beside Unicode's controls and formats.
UNSEEN = re.compile("[\u034f\u115f\u1160\u2800\u3164\ufe00-\ufe0f\uffa0]")


def one_form(name: str) -> str:
    """The name in Unicode's form C: macOS and Linux write the same umlaut in two ways."""
    return unicodedata.normalize("NFC", name)


def seen(name: str) -> str:
    """What is to be seen of a name: without the signs that show nothing, each space as one."""
    signs = (s for s in one_form(name) if s.isspace() or unicodedata.category(s)[0] != "C")
    return " ".join(UNSEEN.sub("", "".join(signs)).split())


def value(name: str) -> str | Decimal:
    """The number that a name is, by its value; else its letters, in whatever case and spaces."""
    text = seen(name)
    return Decimal(text) if REAL.fullmatch(text) else "".join(text.casefold().split())


def check_alike(what: str, names: Iterable[str], where: str) -> None:
    """Names that a reader takes for one: an error if they look the same, else a warning."""
    found = sorted({str(name) for name in names})
    if twice := _twice(found, seen):
        raise ValueError(
            f"{where}: a {what} is written in several ways that look the same: {twice}; "
            "write it in one way"
        )
    if twice := _twice(found, value):
        warnings.warn(
            f"{where}: is it one {what}, or are they several? {twice} are kept apart, and may be "
            "in training and in test; if it is one, write it in one way",
            stacklevel=6,
        )


def _twice(names: Sequence[str], of: Callable[[str], Hashable]) -> str:
    groups = defaultdict(list)
    for name in names:
        groups[of(name)].append(ascii(name))
    return ", ".join([" and ".join(group) for group in groups.values() if len(group) > 1][:30])
