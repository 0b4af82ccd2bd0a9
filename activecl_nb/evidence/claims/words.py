"""Claims, values and verdicts as text."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from activecl_nb.evidence.claims.claim import CANNOT_TELL, SAME, VERDICTS, Claim, Line, Measured


def number(value: float, digits: int, *, sign: bool = False) -> str:
    """A value as text: "not reached" for -inf, a real minus sign, no "-0"."""
    if np.isneginf(value):
        return "not reached"
    if np.isnan(value):
        return "no value"
    text = f"{value:+,.{digits}f}" if sign else f"{value:,.{digits}f}"
    if not float(text.replace(",", "")):
        text = text.lstrip("+-")
    return text.replace("-", "−")


def with_unit(text: str, unit: str) -> str:
    """ "93%", "8.9 min": a number and its unit."""
    return f"{text}{'' if unit.startswith('%') else ' '}{unit}".strip()


def with_ends(middle: float, low: float, high: float, *more: str) -> str:
    """A difference, and in brackets its interval and ``more``: "+0.012 (0.001 to 0.023)"."""
    ends = [f"{number(low, 3)} to {number(high, 3)}"] if np.isfinite(low) else []
    said = ", ".join([*ends, *more])
    return number(middle, 3, sign=True) + (f" ({said})" if said else "")


def ours(found: Measured | None) -> str:
    """Estimate, interval and unit as text: "+0.041 F1 (0.010 to 0.072)", "25% more"."""
    if found is None:
        return "not measured"
    if np.isnan(found.estimate):
        return "no finished runs yet"
    if found.spares:
        text, low, high = (spared(v, found.digits) for v in (found.estimate, found.low, found.high))
        text += "" if np.isfinite(found.estimate) else " at the median"
    else:
        signed = np.isfinite(found.p) and found.estimate > 0  # a difference
        text = with_unit(number(found.estimate, found.digits, sign=bool(signed)), found.unit)
        low, high = (number(end, found.digits) for end in (found.low, found.high))
    if not found.n or np.isnan(found.low) or np.isneginf(found.high):
        return text
    return f"{text} (from {high} to {low})" if found.spares else f"{text} ({low} to {high})"


def spared(value: float, digits: int) -> str:
    """ "64% less", "25% more", "not reached": below 0, more is spent than by the other."""
    if not np.isfinite(value):
        return number(value, digits)
    return f"{number(abs(value), digits)}% {'less' if value >= 0 else 'more'}"


def printed(claim: Claim) -> str:
    """The paper's number as text; "" where it gives none."""
    if claim.value is None:
        return ""
    return with_unit(f"{claim.value:,}", claim.unit)


def tally(lines: Sequence[Line]) -> dict[str, int]:
    """How many lines have each verdict."""
    return {one: sum(line.verdict == one for line in lines) for one in VERDICTS}


def wanting(line: Line) -> str:
    """The verdict as text, with what it leaves open.

    How many replicates there are where these are too few, the smallest effect that these runs would
    have shown where they cannot tell, and the paper's number where our whole interval falls short.
    """
    found = line.measured
    if line.blind:
        return f"{line.verdict}: {line.blind}"
    if found is None:
        return line.verdict
    if line.waits:
        return f"{line.verdict} (yet: {found.n} of at least {found.needs} {found.over})"
    text = line.verdict
    if line.verdict == CANNOT_TELL and found.spares:
        text += " whether less or more"
    if line.verdict == CANNOT_TELL and np.isfinite(found.detectable):
        away = " away" if line.claim.expect == "exactly" else ""
        text += f" (these runs would have shown {size(found)}{away} or more)"
    if falls_short(line):
        less = " less" if found.spares else ""
        text += f"; {printed(line.claim)}{less} lies outside the interval"
    return text


def size(found: Measured) -> str:
    """The smallest effect that these runs would have shown, with 80% power: "0.048 F1"."""
    return with_unit(number(found.detectable, found.digits), found.unit)


def counted(found: Measured) -> str:
    """How many replicates: "8 seeds", "12 phantoms", "5 folds, 20 runs"."""
    what = found.over if found.n != 1 else found.over.removesuffix("s")
    runs = f", {found.runs} runs" if found.runs > found.n else ""
    return f"{found.n} {what}{runs}"


def falls_short(line: Line) -> bool:
    """Whether there may be an effect, but the paper's number is more than our interval holds."""
    claim, found = line.claim, line.measured
    if line.verdict not in (SAME, CANNOT_TELL) or claim.value is None:
        return False
    if found is None or not found.n:
        return False
    if claim.expect not in ("more", "less"):
        return False
    side = 1 if claim.expect == "more" else -1
    return max(side * found.low, side * found.high) < side * claim.value - claim.rounding
