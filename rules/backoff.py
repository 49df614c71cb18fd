"""How long to wait after failures in a row: each time twice as long, up to a bound."""

from __future__ import annotations

MOST_DOUBLINGS = 32
"""Over a century for a wait that begins with a second. What is away for hours has failed a thousand
times, and two to the power of that is no float."""


def doubled(first_s: float, *, times: int, longest_s: float) -> float:
    """Return `first_s` doubled as often as `times`, and `longest_s` at most."""
    return min(first_s * 2.0 ** min(times, MOST_DOUBLINGS), longest_s)
