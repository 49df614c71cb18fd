"""How often something may come: a sliding window that is exact."""

from __future__ import annotations

from collections import deque

WINDOW_S = 60.0


class MessageRate:
    """Lets `limit` messages through in any window of a minute, and remembers no more than these."""

    __slots__ = ("_admitted_at_s", "_limit")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._admitted_at_s: deque[float] = deque()

    def admits(self, *, now_s: float) -> bool:
        """Count a message that comes now, or refuse it; `now_s` never goes back."""
        admitted_at_s = self._admitted_at_s
        while admitted_at_s and admitted_at_s[0] <= now_s - WINDOW_S:
            admitted_at_s.popleft()
        if len(admitted_at_s) >= self._limit:
            return False
        admitted_at_s.append(now_s)
        return True
