"""What somebody has got lately and not read: counts of `notifications`."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from storage.collection import StoreCollection

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from motor.motor_asyncio import AsyncIOMotorDatabase

    from storage.client import Document


class RecentUnread:
    """Counts by kind what is unread in an inbox."""

    def __init__(self, database: AsyncIOMotorDatabase[Document]) -> None:
        self._rows = StoreCollection(database["notifications"]).lagging()

    async def of(self, recipient_id: UUID, *, since: datetime) -> Counter[str]:
        """Return kind -> how many came since then and are unread; what there is none of is 0."""
        found = await self._rows.find(
            {"recipient_id": recipient_id, "unread": True, "created_at": {"$gte": since}},
            {"kind": 1},
        )
        return Counter(row["kind"] for row in found)
