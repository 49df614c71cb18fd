"""Who has shown interest in which listing, and since when.

{_id: interest_id, listing_id, user_id, slot, occurred_at, purge_at}
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from pymongo import UpdateOne

from rules.ids import interest_id
from rules.slots import slot_of
from storage.collection import StoreCollection

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from datetime import datetime
    from uuid import UUID

    from motor.motor_asyncio import AsyncIOMotorDatabase

    from storage.client import Document

KEPT = timedelta(days=180)
"""Surplus food does not keep for longer."""


@dataclass(frozen=True, slots=True)
class Interest:
    """Somebody's interest in a listing, first shown at `occurred_at`."""

    listing_id: str
    user_id: UUID
    occurred_at: datetime


class InterestsRepository:
    """The collection `interests`: one row for a listing and a user."""

    def __init__(self, database: AsyncIOMotorDatabase[Document]) -> None:
        self._interests = StoreCollection(database["interests"])

    async def record(self, interests: Sequence[Interest], *, at: datetime) -> None:
        """Keep `interests`; of one that was shown again the first time counts."""
        await self._interests.bulk_update(
            UpdateOne(
                _key(interest.listing_id, interest.user_id),
                {
                    "$setOnInsert": {"user_id": interest.user_id},
                    "$min": {"occurred_at": interest.occurred_at},
                    "$max": {"purge_at": at + KEPT},
                },
                upsert=True,
            )
            for interest in interests
        )

    async def find(self, listing_id: str, user_id: UUID) -> Interest | None:
        """Return the user's interest in the listing, or None when there is none."""
        found = await self._interests.find_one(_key(listing_id, user_id))
        return None if found is None else Interest(listing_id, user_id, found["occurred_at"])

    async def count(self, listing_id: str) -> int:
        """Return how many have shown interest in the listing."""
        return await self._interests.count({"listing_id": listing_id})

    async def range(
        self, listing_id: str, *, slot_from: int, slot_to: int, limit: int | None = None
    ) -> list[Interest]:
        """Return the interests in the listing of those in the slots up to before `slot_to`.

        At most `limit`, when there is one; of how many there are more it says nothing.
        """
        found = await self._interests.find(
            {"listing_id": listing_id, "slot": {"$gte": slot_from, "$lt": slot_to}},
            {"user_id": 1, "occurred_at": 1},
            limit=limit,
        )
        return [Interest(listing_id, row["user_id"], row["occurred_at"]) for row in found]

    def exported(self, user_id: UUID) -> AsyncIterator[list[Document]]:
        """Yield what is stored of the user's interests."""
        return self._interests.lagging().find_all({"user_id": user_id})


def _key(listing_id: str, user_id: UUID) -> dict[str, Any]:
    """Return the filter of one row: its id, and the shard key."""
    return {
        "_id": interest_id(listing_id, user_id),
        "listing_id": listing_id,
        "slot": slot_of(user_id),
    }
