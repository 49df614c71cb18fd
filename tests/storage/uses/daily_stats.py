"""Uses of the counts of days."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rules.day_counts import DayCounts
from rules.days import Days, starts_at
from rules.insights import BusinessCounts
from storage.daily_stats import DailyStats
from tests.storage.filled.asked import KNOWN, RETURNED, STATS_DAY
from tests.storage.filled.business_stats import of_known_businesses
from tests.storage.samples import NOON
from tests.storage.uses.use import Use, counted

if TYPE_CHECKING:
    from motor.motor_asyncio import AsyncIOMotorDatabase

    from storage.client import Document

DAYS = Days.until(STATS_DAY, RETURNED)


async def as_before(database: AsyncIOMotorDatabase[Document]) -> None:
    await database["daily_stats"].update_one(
        {"_id": STATS_DAY.isoformat()}, {"$set": {"version": 3}}
    )
    await database["business_stats"].delete_many({"day": starts_at(STATS_DAY)})
    await database["business_stats"].insert_many(list(of_known_businesses()))


USES = [
    Use(DailyStats.since, lambda stores: stores.daily_stats.since()),
    Use(DailyStats.begin_with, lambda stores: stores.daily_stats.begin_with(STATS_DAY)),
    Use(DailyStats.counted_at, lambda stores: counted(stores.daily_stats.counted_at(DAYS))),
    Use(DailyStats.counts, lambda stores: counted(stores.daily_stats.counts(DAYS))),
    Use(
        DailyStats.of_business,
        lambda stores: counted(stores.daily_stats.of_business(KNOWN[0], DAYS)),
        restore=as_before,
    ),
    Use(DailyStats.begin, lambda stores: stores.daily_stats.begin(STATS_DAY), restore=as_before),
    Use(
        DailyStats.keep,
        lambda stores: stores.daily_stats.keep(
            STATS_DAY, 3, DayCounts(businesses={KNOWN[0]: BusinessCounts()}), counted_at=NOON
        ),
        ("day",),
        as_before,
    ),
]
