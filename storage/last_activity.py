"""When users were last here: `last_active_at` in `users`, to the hour."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from pymongo import UpdateOne

from storage.collection import StoreCollection

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from uuid import UUID

    from motor.motor_asyncio import AsyncIOMotorDatabase

    from storage.client import Document

ACTIVE_FOR = timedelta(hours=1)
"""How long nothing is written of somebody who goes on being active."""


class LastActivity:
    """The field `last_active_at` of the collection `users`."""

    def __init__(self, database: AsyncIOMotorDatabase[Document]) -> None:
        self._users = StoreCollection(database["users"])

    async def note(self, seen: Mapping[UUID, datetime]) -> None:
        """Keep when users did something, of those who are known."""
        await self._users.bulk_update(
            UpdateOne(
                {"_id": user_id, "last_active_at": {"$not": {"$gt": at - ACTIVE_FOR}}},
                {"$set": {"last_active_at": at}},
            )
            for user_id, at in seen.items()
        )
