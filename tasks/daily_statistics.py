"""Count the days that are over, each as often as its age asks for (rules/recounting.py)."""

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


class DailyStatistics:
    """Keeps the counts of days in line with what they count.

    Two may do so at once, and one may be killed: a day is replaced when it is counted to its end.
    """

    def __init__(
        self, fates: FatesRepository, opt_outs: OptOuts, kept: DailyStats, clock: PositionClock
    ) -> None:
        self._fates = fates
        self._opt_outs = opt_outs
        self._kept = kept
        self._clock = clock

    async def count_due(self, as_of: datetime) -> int:
        """Count the days that are due at `as_of`; return how many there were."""
        days = await self._over(as_of)
        counted_at = await self._kept.counted_at(days)
        return await self._count(
            [day for day in days if is_due(day, counted_at.get(day), at=as_of)], as_of
        )

    async def count_open(self, as_of: datetime) -> int:
        """Count all days before `as_of` that may still change; return how many there were."""
        days = await self._over(as_of)
        counted_at = await self._kept.counted_at(days)
        return await self._count([day for day in days if is_open(day, counted_at.get(day))], as_of)

    async def _count(self, days: list[date], as_of: datetime) -> int:
        """Count `days`, the newest first, because that is what is looked at."""
        await self._opt_outs.gather(before=self._clock.store_now())
        for day in reversed(days):
            version = await self._kept.begin(day)
            # A day may not pass for counted at a time that is yet to come.
            counted_at = min(as_of, self._clock.store_now())
            counts = DayCounts()
            async for fate, rows in self._fates.of(starts_at(day), ends_at(day)):
                counts.add(fate, rows)
            if day <= day_of(as_of) - INSIGHT_DAYS * A_DAY:
                # Nobody is shown them any more.
                counts.businesses.clear()
            counts.opt_outs.update(await self._opt_outs.count(starts_at(day), ends_at(day)))
            await self._kept.keep(day, version, counts, counted_at=counted_at)
        return len(days)

    async def _over(self, as_of: datetime) -> Days:
        """Return the days of which there may be something that are over at `as_of`."""
        since = await self._kept.since()
        if since is None:
            # As of no time that is yet to come: what is made until then would be left out.
            since = await self._first(_over(min(as_of, self._clock.store_now())))
            await self._kept.begin_with(since)
        over = _over(as_of)
        return Days(max(since, over.first), over.last)

    async def _first(self, days: Days) -> date:
        """Return the first of `days` of which there is a notification, else the day after them.

        Day by day, as no limit bounds what the embedded store reads of a longer time.
        """
        for day in days:
            if await self._fates.has_any(starts_at(day), ends_at(day)):
                return day
        return days.last + A_DAY


def _over(as_of: datetime) -> Days:
    """Return the days before `as_of` whose rows may all be there."""
    return Days.until(day_of(as_of) - A_DAY, ROWS_KEPT_DAYS)
