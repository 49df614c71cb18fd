"""Number schedules by when they are due, so that any share of those due is a closed range.

A key is the second in which something is due and, within it, one of `SLOTS`: ten thousand that are
due at the stroke of an hour are read in shares as well as ten thousand that are overdue. What is
urgent has keys of its own, which are looked through first.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from rules.slots import SLOTS, slot_of

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)

URGENT_FROM = 1 << 52
"""Above the keys of all that is not urgent, for as long as dates have four digits."""


def due_key(schedule_id: UUID, at: datetime, *, is_urgent: bool) -> int:
    """Return the key of a schedule that is due at `at`."""
    return key_from(at, is_urgent=is_urgent) + slot_of(schedule_id)


def key_from(at: datetime, *, is_urgent: bool) -> int:
    """Return the lowest key of the second in which `at` lies."""
    return (URGENT_FROM if is_urgent else 0) + (at - _EPOCH) // _SECOND * SLOTS


WIDEST = 24 * 3_600 * SLOTS
"""A day: a month is looked through in some forty ranges, most of them empty."""


class RangeSizer:
    """Find the width of a range of keys that holds about as many schedules as are wanted."""

    def __init__(self, most_rows: int) -> None:
        self._most_rows = most_rows
        self.width = SLOTS

    @property
    def is_narrowest(self) -> bool:
        """Whether a range can be cut no further."""
        return self.width == 1

    def fits(self, rows: int) -> bool:
        """Take in how many `rows` were found of at most `most_rows`; tell whether that was all.

        A range that holds too much is cut by eight and read again, so that to read many costs
        little more than to read them once.
        """
        if rows >= self._most_rows and not self.is_narrowest:
            self.width = max(1, self.width // 8)
            return False
        if rows * 8 < self._most_rows:
            self.width = min(self.width * 4, WIDEST)
        return True
