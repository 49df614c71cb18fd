"""How much is unread in the inboxes of many, by one query: counts of `notifications`.

It is what everybody who connects is told first, and after a restart everybody connects at once.
What was read or deleted lately it does not know of, as `NotificationsRepository.snapshots` does,
which asks twice for each inbox: an index by which one query could find that for many would have to
be written with every row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from storage.collection import StoreCollection, portions

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime
    from uuid import UUID

    from motor.motor_asyncio import AsyncIOMotorDatabase

    from storage.client import Document


@dataclass(frozen=True, slots=True)
class Unread:
    """A count of unread rows, and which recent ones are among them."""

    count: int
    recent_ids: frozenset[UUID]


class UnreadCounts:
    """Counts what is unread in inboxes."""

    def __init__(self, database: AsyncIOMotorDatabase[Document]) -> None:
        self._rows = StoreCollection(database["notifications"])

    async def of(
        self, recipient_ids: Collection[UUID], *, recent_since: datetime
    ) -> dict[UUID, Unread]:
        """Count for each of `recipient_ids`; rows from `recent_since` on are named."""
        recent = {"$cond": [{"$gte": ["$created_at", recent_since]}, "$_id", None]}
        counted: dict[UUID, Unread] = dict.fromkeys(recipient_ids, Unread(0, frozenset()))
        for some in portions(recipient_ids):
            found = await self._rows.aggregate(
                [
                    {"$match": {"unread": True, "recipient_id": {"$in": some}}},
                    {
                        "$group": {
                            "_id": "$recipient_id",
                            "rows": {"$sum": 1},
                            "recent": {"$addToSet": recent},
                        }
                    },
                ]
            )
            for row in found:
                recent_ids = frozenset(each for each in row["recent"] if each is not None)
                counted[row["_id"]] = Unread(row["rows"], recent_ids)
        return counted
