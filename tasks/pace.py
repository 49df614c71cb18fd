"""Keep below a provider's rate: its quota is better not used up than refused."""

from __future__ import annotations


class Pace:
    """Says how long to wait before more may begin; times are of a monotonic clock, in seconds."""

    def __init__(self, rate: float | None) -> None:
        """Take the most a second, or None for no limit."""
        self._rate = rate
        self._next_at_s = 0.0

    def most(self, wanted: int) -> int:
        """Return how many of `wanted` may begin at once: no more than a second's."""
        return wanted if self._rate is None else min(wanted, max(1, int(self._rate)))

    def next_in_s(self, now_s: float) -> float:
        """Return the wait before more may begin."""
        return max(0.0, self._next_at_s - now_s)

    def begin(self, deliveries: int, *, now_s: float) -> None:
        """Count `deliveries` that begin now; whoever is next waits for as long as they take."""
        if self._rate is not None:
            self._next_at_s = max(now_s, self._next_at_s) + deliveries / self._rate
