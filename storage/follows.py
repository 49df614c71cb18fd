"""Who follows which business, spread over slots so that a fan-out reads closed ranges.

    {_id: follow_id, business_id, user_id, slot, user_type, is_active, first_followed_at,
     followed_at, unfollowed_at, gaps: [{from, to}], revision}

The truth is `users.following`; a row follows it by the revision of the change.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rules.audience import Gap
from rules.ids import follow_id
from rules.slots import slot_of
from storage.collection import StoreCollection, portions

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection
    from datetime import datetime
    from uuid import UUID

    from motor.motor_asyncio import AsyncIOMotorDatabase

    from storage.client import Document
    from storage.follow_changes import FollowChange

GAPS_KEPT = 8
"""Times of not following kept in a row: more restores than happen within one fan-out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Follow:
    """One user's follow of one business, active now."""

    id: UUID
    business_id: UUID
    user_id: UUID
    user_type: str | None
    slot: int
    first_followed_at: datetime
    followed_at: datetime
    gaps: tuple[Gap, ...]


@dataclass(frozen=True, slots=True)
class Recorded:
    """What writing a change into its row meant."""

    counts: int
    """By how much the number of active rows has changed: 1, 0 or -1."""

    is_first: bool
    """The user had never followed the business before."""


class FollowsRepository:
    """The collection `follows`."""

    def __init__(self, database: AsyncIOMotorDatabase[Document]) -> None:
        self._follows = StoreCollection(database["follows"])

    async def range(
        self, business_id: UUID, *, slot_from: int, slot_to: int, limit: int | None = None
    ) -> list[Follow]:
        """Return the active follows of slots `slot_from` to before `slot_to`, in no order.

        At most `limit` of them; with that many there may be more.
        """
        found = await self._follows.find(
            {
                "business_id": business_id,
                "is_active": True,
                "slot": {"$gte": slot_from, "$lt": slot_to},
            },
            {"revision": 0, "is_active": 0},
            limit=limit,
        )
        return [_follow(row) for row in found]

    async def followed(
        self, business_id: UUID, *, since: datetime, before: datetime, user_type: str | None = None
    ) -> list[Follow]:
        """Return the active follows made from `since` to before `before`, newest first.

        With `user_type` only those of such users.
        """
        found = await self._follows.find(
            _followed(business_id, since, before, user_type), {"revision": 0, "is_active": 0}
        )
        follows = [_follow(row) for row in found]
        return sorted(follows, key=lambda each: (each.followed_at, each.id), reverse=True)

    async def followed_count(
        self, business_id: UUID, *, since: datetime, before: datetime, user_type: str | None = None
    ) -> int:
        """Return how many `followed` would."""
        return await self._follows.count(_followed(business_id, since, before, user_type))

    async def count(self, business_id: UUID) -> int:
        """Return how many follow `business_id`, by counting."""
        return await self._follows.count({"business_id": business_id, "is_active": True})

    async def find(self, business_id: UUID, user_id: UUID) -> Follow | None:
        """Return the follow if it is active."""
        found = await self._follows.find_one({"business_id": business_id, "user_id": user_id})
        return _follow(found) if found is not None and found["is_active"] else None

    async def find_many(self, user_id: UUID, business_ids: Collection[UUID]) -> dict[UUID, Follow]:
        """Return the user's active follows among `business_ids`, by business."""
        found: list[Document] = []
        for some in portions(business_ids):
            ids = [follow_id(business_id, user_id) for business_id in some]
            found += await self._follows.find(
                {"_id": {"$in": ids}, "business_id": {"$in": some}, "user_id": user_id}
            )
        return {row["business_id"]: _follow(row) for row in found if row["is_active"]}

    def exported(self, user_id: UUID) -> AsyncIterator[list[Document]]:
        """Yield what is stored of the user's follows, those that have ended too."""
        return self._follows.find_all({"user_id": user_id})

    async def record(self, change: FollowChange) -> Recorded:
        """Make the row of `change` say what it says, unless the row knows a newer change."""
        key = {
            "_id": follow_id(change.business_id, change.user_id),
            "business_id": change.business_id,
            "user_id": change.user_id,
        }
        while True:
            row = await self._follows.find_one(key)
            if row is None:
                blank = {"slot": slot_of(change.user_id), "is_active": False, "revision": 0}
                said = _update(blank, change)["$set"]
                if await self._follows.insert_new([{**key, **blank, **said}]):
                    # Somebody else's change of this moment was first.
                    continue
                return Recorded(counts=int(change.is_following), is_first=True)
            if row["revision"] >= change.revision:
                return Recorded(counts=0, is_first=False)
            # Every write raises the revision, so the row is still as it was read.
            if await self._follows.update_one(
                {**key, "revision": row["revision"]}, _update(row, change)
            ):
                return Recorded(
                    counts=int(change.is_following) - int(row["is_active"]),
                    is_first="first_followed_at" not in row,
                )


def _followed(
    business_id: UUID, since: datetime, before: datetime, user_type: str | None
) -> dict[str, Any]:
    return {
        "business_id": business_id,
        "is_active": True,
        **({} if user_type is None else {"user_type": user_type}),
        "followed_at": {"$gte": since, "$lt": before},
    }


def _update(row: Document, change: FollowChange) -> dict[str, Any]:
    """Return the update that makes `row` say what `change` says."""
    values: dict[str, Any] = {"revision": change.revision}
    if row["is_active"] == change.is_following:
        return {"$set": values}
    values |= {"user_type": change.user_type, "is_active": change.is_following}
    if not change.is_following:
        return {"$set": values | {"unfollowed_at": change.at}}
    gaps = row.get("gaps", [])
    if "unfollowed_at" in row:
        gaps = [*gaps, {"from": row["unfollowed_at"], "to": change.at}][-GAPS_KEPT:]
    values |= {
        "first_followed_at": row.get("first_followed_at", change.at),
        "followed_at": change.at,
        "gaps": gaps,
    }
    return {"$set": values, "$unset": {"unfollowed_at": ""}}


def _follow(row: Document) -> Follow:
    return Follow(
        id=row["_id"],
        business_id=row["business_id"],
        user_id=row["user_id"],
        user_type=row["user_type"],
        slot=row["slot"],
        first_followed_at=row["first_followed_at"],
        followed_at=row["followed_at"],
        gaps=tuple(Gap(gap["from"], gap["to"]) for gap in row["gaps"]),
    )
