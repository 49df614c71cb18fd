"""Count days, each as often as its age asks for: those that are over, and a large today.

How often that is: `rules/recounting.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rules.day_counts import DayCounts
from rules.days import A_DAY, Days, day_of, ends_at, starts_at
from rules.insights import INSIGHT_DAYS
from rules.recounting import ROWS_KEPT_DAYS, is_due, is_open

if TYPE_CHECKING:
    from datetime import date, datetime

    from storage.daily_stats import DailyStats
    from storage.fates import FatesRepository
    from storage.opt_outs import OptOuts
    from storage.positions import PositionClock


MOST_AT_ONCE = 20_000
"""Notifications of today that are counted whenever somebody asks; of more, counts are kept."""


class DailyStatistics:
    """Keeps the counts of days in line with what they count.

    Two may do so at once, and one may be killed: a day is replaced when it is counted to its end.
    """

    def __init__(
        self,
        fates: FatesRepository,
        opt_outs: OptOuts,
        kept: DailyStats,
        clock: PositionClock,
        *,
        most_at_once: int = MOST_AT_ONCE,
    ) -> None:
        self._fates = fates
        self._opt_outs = opt_outs
        self._kept = kept
        self._clock = clock
        self._most_at_once = most_at_once

    async def count_due(self, as_of: datetime) -> int:
        """Count the days that are due at `as_of`; return how many there were.

        A time that is yet to come is now: what may still happen is not counted yet.
        """
        at = min(as_of, self._clock.store_now())
        days = await self._days(at)
        counted_at = await self._kept.counted_at(days)
        return await self._count(
            [day for day in days if is_due(day, counted_at.get(day), at=at)], at
        )

    async def count_open(self, as_of: datetime) -> int:
        """Count all days until `as_of` that may still change, as `count_due` otherwise."""
        at = min(as_of, self._clock.store_now())
        days = await self._days(at)
        counted_at = await self._kept.counted_at(days)
        return await self._count([day for day in days if is_open(day, counted_at.get(day))], at)

    async def _count(self, days: list[date], at: datetime) -> int:
        """Count `days`, the newest first, because that is what is looked at."""
        await self._opt_outs.gather(before=self._clock.store_now())
        for day in reversed(days):
            version = await self._kept.begin(day)
            counts = DayCounts()
            async for fate, rows in self._fates.of(starts_at(day), ends_at(day)):
                counts.add(fate, rows)
            if day <= day_of(at) - INSIGHT_DAYS * A_DAY:
                # Nobody is shown them any more.
                counts.businesses.clear()
            counts.opt_outs.update(await self._opt_outs.count(starts_at(day), ends_at(day)))
            await self._kept.keep(day, version, counts, counted_at=at)
        return len(days)

    async def _days(self, at: datetime) -> Days:
        """Return the days to be counted of which there may be something."""
        today = day_of(at)
        over = Days.until(today - A_DAY, ROWS_KEPT_DAYS)
        since = await self._kept.since()
        if since is None:
            since = await self._first(over)
            await self._kept.begin_with(since)
        made_today = await self._fates.count(starts_at(today), ends_at(today))
        is_large = made_today > self._most_at_once
        return Days(max(since, over.first), today if is_large else over.last)

    async def _first(self, days: Days) -> date:
        """Return the first of `days` of which there is a notification, else the day after them.

        Day by day, as no limit bounds what the embedded store reads of a longer time.
        """
        for day in days:
            if await self._fates.has_any(starts_at(day), ends_at(day)):
                return day
        return days.last + A_DAY
