"""The day that it is at somebody's place, and when the next one begins there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class LocalDay:
    """A date in a time zone."""

    date: date
    ends_at: datetime

    @classmethod
    def of(cls, at: datetime, zone: ZoneInfo) -> LocalDay:
        """Return the day that it is at `at` in `zone`."""
        today = at.astimezone(zone).date()
        midnight = datetime.combine(today + timedelta(days=1), time(), zone)
        return cls(today, midnight.astimezone(UTC))
