"""When users were last here: `last_active_at` in `users`, to the hour."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from storage.collection import StoreCollection

if TYPE_CHECKING:
    from collections.abc import Collection
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

    async def note(self, user_ids: Collection[UUID], *, at: datetime) -> None:
        """Keep that users did something, of those who are known."""
        is_due = {"last_active_at": {"$not": {"$gt": at - ACTIVE_FOR}}}
        await self._users.update_by_id(user_ids, is_due, {"$set": {"last_active_at": at}})
