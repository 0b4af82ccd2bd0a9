"""The list of claims: read, and checked before anything is measured."""

from __future__ import annotations

import inspect
import os
from collections.abc import Mapping
from typing import Any

from activecl_nb import files, values
from activecl_nb.evidence.claims.arithmetic import ARITHMETIC
from activecl_nb.evidence.claims.claim import EXPECTED, SOURCES, Claim
from activecl_nb.evidence.claims.measures import MEASURES


def read(path: str | os.PathLike[str]) -> tuple[list[Claim], list[str]]:
    """The claims of a TOML file, and its headlines: ids of claims, or of a study's contrasts.

    FileNotFoundError: no such file. ValueError: it is no TOML, or a claim has an unknown field
    or measure, lacks one, or repeats an id; the message names the file and the claim.
    """
    path = files.expanded(path)
    content = files.read_toml(path)
    entries, claims = content.get("claim", []), []
    if not (isinstance(entries, list) and all(isinstance(one, dict) for one in entries)):
        raise ValueError(f"{path}: claims are tables, each with [[claim]] at its head")
    for number, entry in enumerate(entries, 1):
        try:
            claims.append(_claim(entry))
        except ValueError as error:
            raise ValueError(f"{path}, claim {entry.get('id', number)!r}: {error}") from error
    ids = [claim.id for claim in claims]
    twice = sorted({one for one in ids if ids.count(one) > 1})
    headlines = content.get("headlines", [])
    if not claims or twice:
        what = f"two claims are called {', '.join(twice)}" if twice else "it lists no claim"
        raise ValueError(f"{path}: {what}")
    if not (isinstance(headlines, list) and all(isinstance(one, str) for one in headlines)):
        raise ValueError(f"{path}: headlines is a list of ids, not {headlines!r}")
    return claims, headlines


def _claim(entry: Mapping[str, Any]) -> Claim:
    known = list(inspect.signature(Claim).parameters)
    unknown = sorted(set(entry) - set(known))
    if unknown:
        raise ValueError(f"unknown field {', '.join(unknown)}; there are {', '.join(known)}")
    needed = ["id", "claim", "place", "source", "contradict"]
    needed += [] if entry.get("untestable") else ["kind", "expect"]
    missing = [name for name in needed if not entry.get(name)]
    if missing:
        raise ValueError(f"it lacks {', '.join(missing)}")
    values.checked(Claim, entry)
    claim = Claim(**entry)  # its value as it is printed: 93 is not 93.0
    if claim.source not in SOURCES:
        raise ValueError(f"source is {claim.source!r}; it is one of {', '.join(SOURCES)}")
    if claim.kind or not claim.untestable:
        if claim.expect not in EXPECTED:
            raise ValueError(f"expect is {claim.expect!r}; it is one of {', '.join(EXPECTED)}")
        if claim.expect == "exactly" and claim.value is None and not claim.untestable:
            raise ValueError("it expects exactly a value, and gives none")
        _known_measure(claim.kind)
    return claim


def _known_measure(kind: Mapping[str, Any]) -> None:
    name, known = str(kind.get("measure")), {**MEASURES, **ARITHMETIC}
    if name not in known:
        raise ValueError(f"no measure is called {name!r}; there are {', '.join(known)}")
    arguments = {key: value for key, value in kind.items() if key != "measure"}
    study = [None] if name in MEASURES else []
    try:
        inspect.signature(known[name]).bind(*study, **arguments)
    except TypeError as error:
        raise ValueError(f"{name}: {error}") from error
