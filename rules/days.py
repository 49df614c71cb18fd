"""Days of UTC, by which is counted: those of whoever asks would differ from asker to asker."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

A_DAY = timedelta(days=1)


def day_of(at: datetime) -> date:
    """Return the day that it is at `at`."""
    return at.astimezone(UTC).date()


def starts_at(day: date) -> datetime:
    """Return the first instant of `day`."""
    return datetime.combine(day, time(), UTC)


def ends_at(day: date) -> datetime:
    """Return the first instant after `day`."""
    return starts_at(day) + A_DAY


@dataclass(frozen=True, slots=True)
class Days:
    """The days from `first` to `last`, both inclusive; none where `last` comes before."""

    first: date
    last: date

    @classmethod
    def until(cls, last: date, count: int) -> Days:
        """Return the `count` days that end with `last`."""
        return cls(last - (count - 1) * A_DAY, last)

    def __iter__(self) -> Iterator[date]:
        """Yield the days, the oldest first."""
        return (self.first + n * A_DAY for n in range(len(self)))

    def __len__(self) -> int:
        """Return how many there are."""
        return max((self.last - self.first).days + 1, 0)
