"""How long notifications are kept (contract section 6)."""

from __future__ import annotations

from calendar import monthrange
from datetime import datetime, timedelta

PERSONAL_FOR = timedelta(days=90)
"""After it a notification says nothing any more, and leaves the inbox."""

MONTHS_KEPT = 6
"""After them its row is gone."""


def blanked_before(at: datetime) -> datetime:
    """Return before when notifications were made that are to say nothing any more at `at`."""
    return at - PERSONAL_FOR


def removed_before(at: datetime) -> datetime:
    """Return before when notifications were made whose rows are to be gone at `at`.

    The same day six months ago, or the last of a month that has no such day.
    """
    years, month = divmod(at.year * 12 + at.month - 1 - MONTHS_KEPT, 12)
    day = min(at.day, monthrange(years, month + 1)[1])
    return at.replace(year=years, month=month + 1, day=day)
