"""Notifications by age, whoever's they are: what retention blanks and removes.

By closed ranges of time that hold little: this asks every shard of a cluster, and one update of
2,000 rows would hold up the embedded store for seconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from storage.collection import StoreCollection

if TYPE_CHECKING:
    from datetime import datetime

    from motor.motor_asyncio import AsyncIOMotorDatabase

    from storage.client import Document

BLANK: dict[str, Any] = {
    "$set": {
        "is_blanked": True,
        "title": "",
        "message": "",
        "data": {},
        "action_buttons": [],
        "image_url": None,
        "sender_id": None,
    },
    # Without these no index of inbox, unread, or of what `sync` tells of has the row.
    "$unset": {"inbox": "", "unread": "", "changed_at": "", "sender_type": ""},
}
"""What counts stays: kind, business, channels, and whether and when it was read and clicked."""


class AgedNotifications:
    """The collection `notifications`, by the position of its rows."""

    def __init__(self, database: AsyncIOMotorDatabase[Document]) -> None:
        self._rows = StoreCollection(database["notifications"])

    async def count(self, since: datetime, until: datetime, *, most: int) -> int:
        """Return how many rows there are, `most` when there are that many or more."""
        return await self._rows.count(_within(since, until), most=most)

    async def rows(self, since: datetime, until: datetime) -> list[Document]:
        """Return the rows as they are stored, oldest first."""
        return await self._rows.find(_within(since, until), sort=[("created_at", 1), ("_id", 1)])

    async def blank(self, since: datetime, until: datetime) -> int:
        """Take from the rows what is personal; return how many had it still."""
        return await self._rows.update_many(_within(since, until), BLANK)

    async def remove(self, since: datetime, until: datetime) -> int:
        """Remove the rows; return how many there were."""
        return await self._rows.delete_many(_within(since, until))


def _within(since: datetime, until: datetime) -> dict[str, Any]:
    return {"created_at": {"$gte": since, "$lt": until}}
