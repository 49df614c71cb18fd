"""The day that it is at somebody's place, and when it began and the next one begins there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class LocalDay:
    """A date in a time zone, from `starts_at` up to but not including `ends_at`."""

    date: date
    starts_at: datetime
    ends_at: datetime

    @classmethod
    def of(cls, at: datetime, zone: ZoneInfo) -> LocalDay:
        """Return the day that it is at `at` in `zone`."""
        today = at.astimezone(zone).date()
        return cls(today, _midnight(today, zone), _midnight(today + timedelta(days=1), zone))

    def holds(self, at: datetime) -> bool:
        """Tell whether `at` is on this day."""
        return self.starts_at <= at < self.ends_at


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    """Return the first instant of `day`; where clocks pass over midnight, that of the change."""
    return datetime.combine(day, time(), zone).astimezone(UTC)
