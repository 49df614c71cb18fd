"""How long something takes, as counts below each of some bounds: what a histogram shows."""

from __future__ import annotations

from bisect import bisect_left


class Distribution:
    """Counts of times up to each of `bounds_s`, ascending."""

    def __init__(self, bounds_s: tuple[float, ...]) -> None:
        self.bounds_s = bounds_s
        self.counts = [0] * (len(bounds_s) + 1)
        """How many were up to each bound and over the one before it; the last: over all."""
        self.total_s = 0.0

    def observe(self, time_s: float) -> None:
        """Count one."""
        self.counts[bisect_left(self.bounds_s, time_s)] += 1
        self.total_s += time_s
