"""Who follows which business, spread over slots so that a fan-out reads closed ranges.

    {_id: follow_id, business_id, user_id, slot, user_type, is_active, first_followed_at,
     followed_at, unfollowed_at, gaps: [{from, to}], revision, write, counts}

The truth is `users.following`; a row follows it by the revision of the change. `write` names the
last write that changed the row, and `counts` says by how much that changed the number of followers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from rules.audience import Gap
from rules.ids import follow_id
from rules.slots import slot_of
from storage.collection import StoreCollection, portions

if TYPE_CHECKING:
    from collections.abc import Collection
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
            {"revision": 0, "is_active": 0, "write": 0, "counts": 0},
            limit=limit,
        )
        return [_follow(row) for row in found]

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

    async def record(self, change: FollowChange) -> Recorded:
        """Make the row of `change` say what it says, unless the row knows a newer change."""
        write = uuid4()
        row = await self._follows.upsert_one(
            {
                "_id": follow_id(change.business_id, change.user_id),
                "business_id": change.business_id,
                "user_id": change.user_id,
            },
            {"slot": slot_of(change.user_id), "is_active": False},
            _record(change, write),
        )
        if row["write"] != write:
            return Recorded(counts=0, is_first=False)
        return Recorded(counts=row["counts"], is_first=row.get("first_followed_at") == change.at)


def _record(change: FollowChange, write: UUID) -> list[dict[str, Any]]:
    """Return the update that sets the row's fields when `change` is newer than the row.

    It leaves in the row what it did, by the name `write`.
    """
    at = change.at
    if change.is_following:
        gap = {"from": "$unfollowed_at", "to": at}
        gaps = {"$ifNull": ["$gaps", []]}
        wanted: dict[str, Any] = {
            "first_followed_at": {"$ifNull": ["$first_followed_at", at]},
            "followed_at": {"$cond": [{"$eq": ["$is_active", True]}, "$followed_at", at]},
            "gaps": {
                "$cond": [
                    {"$gt": ["$unfollowed_at", None]},
                    {"$slice": [{"$concatArrays": [gaps, [gap]]}, -GAPS_KEPT]},
                    gaps,
                ]
            },
            "unfollowed_at": "$$REMOVE",
        }
    else:
        wanted = {"unfollowed_at": {"$ifNull": ["$unfollowed_at", at]}}
    wanted |= {
        "user_type": {"$literal": change.user_type},
        "is_active": change.is_following,
        "revision": change.revision,
        "write": write,
        "counts": {"$subtract": [int(change.is_following), {"$cond": ["$is_active", 1, 0]}]},
    }
    is_newer = {"$lt": [{"$ifNull": ["$revision", 0]}, change.revision]}
    # One stage: every expression in it sees the row as it was.
    return [
        {"$set": {name: {"$cond": [is_newer, value, f"${name}"]} for name, value in wanted.items()}}
    ]


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
