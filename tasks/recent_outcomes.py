"""How often one channel of one worker got through lately."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

WINDOW_MINUTES = 15
"""Long enough to mean something on a quiet channel, short enough to show that it is well again."""

MINUTE_S = 60.0


@dataclass(slots=True)
class _Minute:
    number: int
    succeeded: int = 0
    failed: int = 0


class RecentOutcomes:
    """Counts the outcomes of the last minutes; times are of a monotonic clock, in seconds."""

    def __init__(self) -> None:
        self._minutes: deque[_Minute] = deque(maxlen=WINDOW_MINUTES)

    def add(self, *, is_success: bool, now_s: float) -> None:
        """Take in how one sending ended."""
        number = int(now_s // MINUTE_S)
        if not self._minutes or self._minutes[-1].number != number:
            self._minutes.append(_Minute(number))
        if is_success:
            self._minutes[-1].succeeded += 1
        else:
            self._minutes[-1].failed += 1

    def counts(self, now_s: float) -> tuple[int, int]:
        """Return how many of the last minutes succeeded, and how many failed."""
        oldest = int(now_s // MINUTE_S) - WINDOW_MINUTES + 1
        recent = [minute for minute in self._minutes if minute.number >= oldest]
        return sum(minute.succeeded for minute in recent), sum(minute.failed for minute in recent)
