"""What became of notifications in the inboxes they went to: counts of `notifications`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rules.engagement import Engagement
from storage.collection import StoreCollection, portions

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime
    from uuid import UUID

    from motor.motor_asyncio import AsyncIOMotorDatabase

    from storage.client import Document


class EngagementRepository:
    """Counts what was read and clicked. Every query names the recipients, the shard key."""

    def __init__(self, database: AsyncIOMotorDatabase[Document]) -> None:
        self._rows = StoreCollection(database["notifications"]).lagging()

    async def of(
        self,
        business_id: UUID,
        recipient_ids: Collection[UUID],
        *,
        since: datetime,
        until: datetime,
    ) -> dict[UUID, Engagement]:
        """Return each recipient's engagement with what came from the business in that time.

        What was deleted counts as it was then; what never came into the inbox does not. Who has
        received nothing is absent.
        """
        found: list[Document] = []
        for some in portions(recipient_ids):
            found += await self._rows.aggregate(
                [
                    {
                        "$match": {
                            "business_id": business_id,
                            "recipient_id": {"$in": some},
                        }
                    },
                    # Apart, because the first stage is what the index serves.
                    {"$match": {"created_at": {"$gte": since, "$lt": until}, "in_app": True}},
                    {
                        "$group": {
                            "_id": "$recipient_id",
                            "received": {"$sum": 1},
                            "read": {"$sum": _one_if("$is_read")},
                            "clicked": {"$sum": _one_if("$clicked_at")},
                        }
                    },
                ]
            )
        return {
            row["_id"]: Engagement(row["received"], row["read"], row["clicked"]) for row in found
        }


def _one_if(field: str) -> dict[str, Any]:
    return {"$cond": [{"$ifNull": [field, False]}, 1, 0]}
