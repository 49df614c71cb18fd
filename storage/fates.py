"""What became of notifications: those of the collection `notifications` that are alike, counted.

Of any stretch of time, of all recipients: this asks every shard, and is no hot path.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from rules.deliveries import DeliveryStatus
from rules.fates import Fate
from rules.kinds import Channel
from storage.collection import StoreCollection
from storage.positions import MILLISECOND

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import datetime
    from uuid import UUID

    from motor.motor_asyncio import AsyncIOMotorDatabase

    from storage.client import Document

ROWS_AT_ONCE = 4_000
"""What the embedded store groups in 1.5 s."""

FIRST_WINDOW = timedelta(hours=1)

_FATE: dict[str, Any] = {
    "kind": "$kind",
    "business_id": "$business_id",
    **{channel.value: f"$channels.{channel}.status" for channel in Channel},
    "is_read": "$is_read",
    "is_clicked": {"$ne": [{"$type": "$clicked_at"}, "missing"]},
    "read_quarter": {
        "$cond": [
            {"$and": ["$is_read", "$business_id"]},
            {
                "$add": [
                    {"$multiply": [4, {"$hour": "$read_at"}]},
                    {"$floor": {"$divide": [{"$minute": "$read_at"}, 15]}},
                ]
            },
            None,
        ]
    },
}


class FatesRepository:
    """Counts rows of the collection `notifications` by the time at which they were made."""

    def __init__(
        self, database: AsyncIOMotorDatabase[Document], *, rows_at_once: int = ROWS_AT_ONCE
    ) -> None:
        self._rows = StoreCollection(database["notifications"]).lagging()
        self._rows_at_once = rows_at_once

    async def of(
        self, since: datetime, until: datetime, *, business_id: UUID | None = None
    ) -> AsyncIterator[tuple[Fate, int]]:
        """Yield what became of the rows made from `since` to before `until`, and of how many each.

        One fate may come several times. By windows of time that are counted by the index first, as
        no limit bounds the work: one that holds too much is halved, one that holds little doubled.
        """
        width = FIRST_WINDOW
        also = {} if business_id is None else {"business_id": business_id}
        while since < until:
            end = min(since + width, until)
            made = {"created_at": {"$gte": since, "$lt": end}}
            rows = await self._rows.count(made)
            if rows > self._rows_at_once and width > MILLISECOND:
                width = max(width / 2, MILLISECOND)
                continue
            if rows:
                pipeline: list[dict[str, Any]] = [
                    {"$match": made | also},
                    {"$group": {"_id": _FATE, "rows": {"$sum": 1}}},
                ]
                for group in await self._rows.aggregate(pipeline):
                    yield _fate(group["_id"]), group["rows"]
            since = end
            if rows <= self._rows_at_once // 4:
                width *= 2

    async def count(self, since: datetime, until: datetime) -> int:
        """Return how many rows were made from `since` to before `until`."""
        return await self._rows.count({"created_at": {"$gte": since, "$lt": until}})

    async def has_any(self, since: datetime, until: datetime) -> bool:
        """Tell whether a row was made from `since` to before `until`."""
        made = {"created_at": {"$gte": since, "$lt": until}}
        return await self._rows.find_one(made, {"_id": 1}) is not None


def _fate(group: Document) -> Fate:
    quarter = group.get("read_quarter")
    return Fate(
        kind=group["kind"],
        business_id=group.get("business_id"),
        statuses={
            channel: DeliveryStatus(group[channel]) for channel in Channel if channel in group
        },
        is_read=group["is_read"],
        is_clicked=group["is_clicked"],
        read_quarter=None if quarter is None else int(quarter),
    )
