"""How numbers are written, by the same rules as in the browser (js/numbers.mjs)."""

from __future__ import annotations

import math
from decimal import ROUND_HALF_UP, Decimal


def percent(part: int, whole: int) -> str:
    """A share in whole percent, halves upwards: 1 of 8 is "13%"; a dash of nothing."""
    return f"{(200 * int(part) + int(whole)) // (2 * int(whole))}%" if whole else "–"


def digits(value: float, places: int = 2) -> str:
    """A number with so many places, halves away from zero; a dash where it is not known.

    Python's own rounding takes a half to the even digit, JavaScript's toFixed away from zero.
    """
    if value is None or not math.isfinite(value):
        return "–"
    return str(Decimal(float(value)).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP))
