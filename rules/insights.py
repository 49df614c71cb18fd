"""What a business is told of how its notifications do (contract section 2.6)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from rules.days import starts_at
from rules.engagement import NOTHING_RECEIVED, Engagement

INSIGHT_DAYS = 30

MOST_BEST_HOURS = 3

QUARTERS_OF_A_DAY = 96
QUARTER = timedelta(minutes=15)
"""Every time zone in use differs from UTC by a whole number of these."""

COUNTED_FOR_BUSINESSES = frozenset(
    {
        "new_listing",
        "listing_expiring",
        "pickup_reminder",
        "pickup_missed",
        "interaction_confirmed",
        "interaction_completed",
        "business_update",
    }
)
"""What others are told of a business; what it is told itself, as of reviews, is not among it."""


@dataclass(slots=True)
class BusinessCounts:
    """What is counted of one business's notifications of one day."""

    engagement: Engagement = NOTHING_RECEIVED
    reads: Counter[int] = field(default_factory=Counter)
    """Quarter of an hour of UTC's day -> how many were read in it."""

    def add(self, engagement: Engagement, read_quarter: int | None) -> None:
        """Count notifications that were read in the same quarter, if they were."""
        self.engagement += engagement
        if read_quarter is not None:
            self.reads[read_quarter] += engagement.read


def best_hours(days: Mapping[date, BusinessCounts], zone: ZoneInfo) -> list[int]:
    """Return the hours of the day in `zone` in which most was read, the best first, at most three.

    Of equal ones the earlier comes first; an hour in which nothing was read is not among them.
    """
    reads: Counter[int] = Counter()
    for day, counts in days.items():
        for quarter, count in counts.reads.items():
            reads[(starts_at(day) + quarter * QUARTER).astimezone(zone).hour] += count
    ordered = sorted(reads, key=lambda hour: (-reads[hour], hour))
    return [hour for hour in ordered if reads[hour]][:MOST_BEST_HOURS]
