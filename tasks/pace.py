"""Keep below a provider's rate: its quota is better not used up than refused."""

from __future__ import annotations


class Pace:
    """Says how long to wait before more may begin; times are of a monotonic clock, in seconds."""

    def __init__(self, rate: float | None) -> None:
        """Take the most a second, or None for no limit."""
        self._rate = rate
        self._next_at_s = 0.0

    def wait_s(self, deliveries: int, *, now_s: float) -> float:
        """Return the wait before `deliveries` may begin, which are counted from then on."""
        if self._rate is None:
            return 0.0
        begin_s = max(now_s, self._next_at_s)
        self._next_at_s = begin_s + deliveries / self._rate
        return begin_s - now_s
