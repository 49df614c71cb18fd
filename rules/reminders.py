"""Say when somebody is reminded of a pickup, and until when that still helps (contract section 5).

Pure. A reminder has a window, as long as it helps: it is told when the window opens or, of a pickup
announced later, at once. Windows of the first two do not overlap, so that who was not told of the
one in time is told of the other and not of both.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

MISSED_HELPS_FOR = timedelta(hours=24)
"""After an outage: news of a missed pickup that is older than a day is no news."""


class Reminder(StrEnum):
    """Which of them it is, as it is stored."""

    DAY = "day"
    HOUR = "hour"
    MISSED = "missed"


@dataclass(frozen=True, slots=True)
class _Window:
    """From when up to when it is told, seen from the time of the pickup."""

    opens: timedelta
    closes: timedelta
    is_told_at_once: bool = True
    """Whether one announced after it has opened is told still."""


_WINDOWS = {
    Reminder.DAY: _Window(-timedelta(hours=24), -timedelta(hours=1)),
    Reminder.HOUR: _Window(-timedelta(hours=1), timedelta()),
    Reminder.MISSED: _Window(
        timedelta(minutes=30), timedelta(minutes=30) + MISSED_HELPS_FOR, is_told_at_once=False
    ),
}


def planned(pickup_time: datetime, *, announced_at: datetime) -> dict[Reminder, datetime]:
    """Return what is to be told of a pickup announced at `announced_at`, and when."""
    times: dict[Reminder, datetime] = {}
    for reminder, window in _WINDOWS.items():
        opens_at = pickup_time + window.opens
        latest = pickup_time + window.closes if window.is_told_at_once else opens_at
        if announced_at < latest:
            times[reminder] = max(opens_at, announced_at)
    return times


def still_helps(reminder: Reminder, pickup_time: datetime, *, at: datetime) -> bool:
    """Tell whether `reminder` is worth telling at `at`, when its time has come."""
    return at < pickup_time + _WINDOWS[reminder].closes
