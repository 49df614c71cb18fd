"""When the status of each subject last changed, so that a change that comes late is known for one.

    {_id: status_key, occurred_at, purge_at}

A subject is an order or the verification of a user. Which it is, and what the status was, is not
kept: nobody asks.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from pymongo import UpdateOne

from storage.collection import StoreCollection

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime
    from uuid import UUID

    from motor.motor_asyncio import AsyncIOMotorDatabase

    from storage.client import Document

KEPT = timedelta(days=180)
"""As long as the id of an event is known: no change comes later than that."""


class StatusesRepository:
    """The collection `statuses`."""

    def __init__(self, database: AsyncIOMotorDatabase[Document]) -> None:
        self._statuses = StoreCollection(database["statuses"])

    async def newest(self, keys: Collection[UUID]) -> dict[UUID, datetime]:
        """Return when the newest change of each of `keys` occurred; none is absent."""
        found = await self._statuses.find_by_id(keys, {}, {"occurred_at": 1})
        return {row["_id"]: row["occurred_at"] for row in found}

    async def record(self, changes: Mapping[UUID, datetime], *, at: datetime) -> None:
        """Keep when `changes` occurred, where nothing newer is known.

        Inserted where there is none, which on the embedded store is a tenth of an upsert.
        """
        rows = [
            {"_id": key, "occurred_at": occurred_at, "purge_at": at + KEPT}
            for key, occurred_at in changes.items()
        ]
        known = await self._statuses.insert_new(rows) if rows else []
        await self._statuses.bulk_update(
            UpdateOne(
                {"_id": row["_id"]},
                {"$max": {"occurred_at": row["occurred_at"], "purge_at": row["purge_at"]}},
            )
            for row in (rows[place] for place in known)
        )
