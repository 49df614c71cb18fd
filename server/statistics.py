"""The counts of any days: what is kept of those that are over, and the rest counted at once.

The rest is what no worker has counted yet: today, unless it is so large that workers count it too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date

from rules.day_counts import DayCounts
from rules.days import A_DAY, Days, day_of, ends_at, starts_at
from rules.insights import INSIGHT_DAYS, BusinessCounts
from storage.businesses import Business
from storage.client import store_call
from storage.positions import PositionClock
from storage.stores import Stores

COUNTED_AT_ONCE_DAYS = 7
"""Of what workers have not counted, today included: for more of it nobody should wait."""

COUNT_WITHIN_S = 20.0


@dataclass(frozen=True, slots=True)
class BusinessDay:
    """One day of a business."""

    counts: BusinessCounts
    new_followers: int
    """Who followed on that day, and still does."""


class Statistics:
    """Reads what is kept, and counts the rest; raises StoreUnavailable where that is too much."""

    def __init__(self, stores: Stores, clock: PositionClock) -> None:
        self._stores = stores
        self._clock = clock

    def today(self) -> date:
        """Return the day that it is now."""
        return day_of(self._clock.store_now())

    async def of(self, days: Days) -> dict[date, DayCounts]:
        """Return the counts of each of `days`."""
        return await self._filled(days, self._count)

    async def opt_outs(self, days: Days) -> dict[date, DayCounts]:
        """Return the counts of each of `days`; of those not kept only the opt-outs."""
        return await self._filled(days, self._count_opt_outs)

    async def of_business(self, business: Business) -> dict[date, BusinessDay]:
        """Return the last `INSIGHT_DAYS` days of `business`, the oldest first."""
        days = Days.until(self.today(), INSIGHT_DAYS)
        # In this order: a day that is counted meanwhile is counted here as well, and not nowhere.
        over = await self._stores.daily_stats.counted_at(days)
        kept = await self._stores.daily_stats.of_business(business.id, days)
        followed = await asyncio.gather(
            *(
                self._stores.follows.followed_count(
                    business.id, since=starts_at(day), before=ends_at(day)
                )
                for day in days
            )
        )
        counted = {day: kept.get(day) or BusinessCounts() for day in days}
        async with store_call(COUNT_WITHIN_S):
            for day in days:
                if day not in over and self._is_counted_at_once(day):
                    counted[day] = await self._count_business(business, day)
        return {
            day: BusinessDay(counted[day], new_followers)
            for day, new_followers in zip(days, followed, strict=True)
        }

    async def _filled(
        self, days: Days, count: Callable[[date], Awaitable[DayCounts]]
    ) -> dict[date, DayCounts]:
        filled = await self._stores.daily_stats.counts(days)
        async with store_call(COUNT_WITHIN_S):
            for day in days:
                if day not in filled:
                    at_once = self._is_counted_at_once(day)
                    filled[day] = await count(day) if at_once else DayCounts()
        return {day: filled[day] for day in days}

    async def _count(self, day: date) -> DayCounts:
        counts = DayCounts()
        async for fate, rows in self._stores.fates.of(starts_at(day), ends_at(day)):
            counts.add(fate, rows)
        return counts

    async def _count_opt_outs(self, day: date) -> DayCounts:
        counted = await self._stores.opt_outs.count(starts_at(day), ends_at(day))
        return DayCounts(opt_outs=dict(counted))

    async def _count_business(self, business: Business, day: date) -> BusinessCounts:
        counts = DayCounts()
        async for fate, rows in self._stores.fates.of(
            starts_at(day), ends_at(day), business_id=business.id
        ):
            counts.add(fate, rows)
        return counts.businesses.get(business.id) or BusinessCounts()

    def _is_counted_at_once(self, day: date) -> bool:
        today = self.today()
        return today - COUNTED_AT_ONCE_DAYS * A_DAY < day <= today
