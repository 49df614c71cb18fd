"""The counts of days that are over, so that nobody counts a year of notifications to show it.

    daily_stats     {_id: "2026-11-22", version, counted_at,
                     deliveries: [{kind, channel, created, sent, delivered, failed, suppressed}],
                     engagement: [{kind, received, read, clicked}],
                     engagement_by_channel: [{channel, received, read, clicked}],
                     opt_outs: [{what, way, count}]}
    business_stats  {_id: "<business id>:2026-11-22", day, version, received, read, clicked,
                     reads: [{quarter, count}]}

A day is replaced as a whole, under a version that each count of it draws before it begins: of two
that run at once the later one stays, and what a killed one leaves is overwritten by the next. The
row `since` of `daily_stats` says from which day on there is anything to count.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from datetime import date
from typing import TYPE_CHECKING, Any
from uuid import UUID

from pymongo import UpdateOne

from rules.day_counts import DayCounts
from rules.days import Days, starts_at
from rules.delivery_counts import DeliveryCounts
from rules.engagement import Engagement
from rules.insights import BusinessCounts
from rules.kinds import Channel
from rules.opt_outs import Way
from storage.collection import StoreCollection

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from motor.motor_asyncio import AsyncIOMotorDatabase

    from storage.client import Document

SINCE = "since"


class DailyStats:
    """The collections `daily_stats` and `business_stats`."""

    def __init__(self, database: AsyncIOMotorDatabase[Document]) -> None:
        self._days = StoreCollection(database["daily_stats"])
        self._businesses = StoreCollection(database["business_stats"])

    async def since(self) -> date | None:
        """Return the first day that is counted, None before that is known."""
        found = await self._days.find_one({"_id": SINCE})
        return None if found is None else date.fromisoformat(found["day"])

    async def begin_with(self, day: date) -> None:
        """Count from `day` on, unless it is known already from when."""
        await self._days.insert_if_absent({"_id": SINCE}, {"day": day.isoformat()})

    async def counted_at(self, days: Days) -> dict[date, datetime]:
        """Return when each of `days` was counted last; one that never was is absent."""
        found = await self._days.find_by_id(_names(days), {}, {"counted_at": 1})
        return {_day(row): row["counted_at"] for row in found if "counted_at" in row}

    async def counts(self, days: Days) -> dict[date, DayCounts]:
        """Return the counts of `days`, without businesses; one never counted is absent."""
        found = await self._days.find_by_id(_names(days), {})
        return {_day(row): _counts(row) for row in found if "counted_at" in row}

    async def of_business(self, business_id: UUID, days: Days) -> dict[date, BusinessCounts]:
        """Return the counts of one business; a day on which there was nothing is absent."""
        names = {_name(business_id, day): day for day in days}
        rows: list[Document] = await self._businesses.lagging().find_by_id(names, {})
        return {names[row["_id"]]: _business_counts(row) for row in rows}

    async def begin(self, day: date) -> int:
        """Return the version under which what is counted of `day` from now on is to be kept."""
        key = {"_id": day.isoformat()}
        await self._days.insert_if_absent(key, {"version": 0})
        while True:
            row = await self._days.find_one(key, {"version": 1})
            version: int = row["version"] if row else 0
            # Others draw theirs meanwhile.
            if await self._days.update_one(key | {"version": version}, {"$inc": {"version": 1}}):
                return version + 1

    async def keep(
        self, day: date, version: int, counts: DayCounts, *, counted_at: datetime
    ) -> bool:
        """Replace what is kept of `day`, unless somebody began to count it later; tell which."""
        await self._businesses.bulk_update(
            _replacement(day, version, business_id, business)
            for business_id, business in counts.businesses.items()
        )
        await self._businesses.delete_many({"day": starts_at(day), "version": {"$lt": version}})
        return await self._days.update_one(
            {"_id": day.isoformat(), "version": version},
            {"$set": {"counted_at": counted_at, **_document(counts)}},
        )


def _names(days: Days) -> list[str]:
    # One by one: a range of `_id` makes the embedded store read all.
    return [day.isoformat() for day in days]


def _day(row: Document) -> date:
    return date.fromisoformat(row["_id"])


def _name(business_id: UUID, day: date) -> str:
    return f"{business_id}:{day.isoformat()}"


def _replacement(day: date, version: int, business_id: UUID, counts: BusinessCounts) -> UpdateOne:
    values = {
        "day": starts_at(day),
        **asdict(counts.engagement),
        "reads": [{"quarter": quarter, "count": n} for quarter, n in counts.reads.items()],
    }
    known = {"$ifNull": ["$version", 0]}
    is_older = {"$lt": [known, version]}
    return UpdateOne(
        {"_id": _name(business_id, day)},
        [
            {
                "$set": {
                    **{
                        name: {"$cond": [is_older, {"$literal": value}, f"${name}"]}
                        for name, value in values.items()
                    },
                    "version": {"$max": [known, version]},
                }
            }
        ],
        upsert=True,
    )


def _document(counts: DayCounts) -> Document:
    return {
        "deliveries": [
            {"kind": kind, "channel": channel.value, **asdict(counted)}
            for (kind, channel), counted in counts.deliveries.items()
        ],
        "engagement": [
            {"kind": kind, **asdict(counted)} for kind, counted in counts.engagement.items()
        ],
        "engagement_by_channel": [
            {"channel": channel.value, **asdict(counted)}
            for channel, counted in counts.engagement_by_channel.items()
        ],
        "opt_outs": [
            {"what": what, "way": way.value, "count": count}
            for (what, way), count in counts.opt_outs.items()
        ],
    }


def _counts(row: Document) -> DayCounts:
    return DayCounts(
        deliveries={
            (cell.pop("kind"), Channel(cell.pop("channel"))): DeliveryCounts(**cell)
            for cell in row["deliveries"]
        },
        engagement={cell.pop("kind"): Engagement(**cell) for cell in row["engagement"]},
        engagement_by_channel={
            Channel(cell.pop("channel")): Engagement(**cell)
            for cell in row["engagement_by_channel"]
        },
        opt_outs={(cell["what"], Way(cell["way"])): cell["count"] for cell in row["opt_outs"]},
    )


def _business_counts(row: Mapping[str, Any]) -> BusinessCounts:
    return BusinessCounts(
        Engagement(row["received"], row["read"], row["clicked"]),
        Counter({read["quarter"]: read["count"] for read in row["reads"]}),
    )
