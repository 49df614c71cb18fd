"""Who follows which business, spread over slots so that a fan-out reads closed ranges.

    {_id: follow_id, business_id, user_id, slot, user_type, is_active, first_followed_at,
     followed_at, unfollowed_at, gaps: [{from, to}], revision, writing}

The truth is `users.following`; a row follows it by the revision of the change. `writing` signs the
last update, so that of several writers of one row each knows whether it was the one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from pymongo import UpdateOne

from rules.audience import Gap
from rules.ids import follow_id
from rules.slots import slot_of
from storage.collection import StoreCollection, portions
from storage.follower_rows import OF_FOLLOWER, followers_of, gaps_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Sequence
    from datetime import datetime

    from motor.motor_asyncio import AsyncIOMotorDatabase

    from storage.client import Document
    from storage.follow_changes import FollowChange
    from storage.follower_rows import Follower

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
    ) -> list[Follower]:
        """Return the active follows of slots `slot_from` to before `slot_to`, in no order.

        At most `limit` of them; with that many there may be more.
        """
        found = await self._follows.find_raw(
            {
                "business_id": business_id,
                "is_active": True,
                "slot": {"$gte": slot_from, "$lt": slot_to},
            },
            OF_FOLLOWER,
            limit=limit,
        )
        return followers_of(found)

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
        return self._follows.lagging().find_all({"user_id": user_id})

    async def record(self, changes: Sequence[FollowChange]) -> list[Recorded]:
        """Make the rows say what `changes` say, each unless its row knows a newer change."""
        recorded: dict[UUID, Recorded] = {}
        waiting = list(changes)
        while waiting:
            recorded |= await self._record(waiting)
            waiting = [change for change in waiting if change.token not in recorded]
        return [recorded[change.token] for change in changes]

    async def _record(self, changes: Sequence[FollowChange]) -> dict[UUID, Recorded]:
        """Try once; what is not among the answers, by token, another change of the row hindered."""
        first: dict[UUID, FollowChange] = {}
        for change in changes:
            first.setdefault(_id(change), change)
        # Most who follow do for the first time, which one round trip sees to.
        recorded = await self._inserted([each for each in first.values() if each.is_following])
        waiting = [change for change in changes if change.token not in recorded]
        if not waiting:
            return recorded
        rows = await self._rows(waiting)
        old: dict[UUID, tuple[FollowChange, Document]] = {}
        new: dict[UUID, FollowChange] = {}
        for change in waiting:
            row = rows.get(_id(change))
            if row is None:
                new.setdefault(_id(change), change)
            elif row["revision"] >= change.revision:
                recorded[change.token] = Recorded(counts=0, is_first=False)
            else:
                old.setdefault(_id(change), (change, row))
        recorded |= await self._inserted(list(new.values()))
        for change, row in await self._written(list(old.values())):
            recorded[change.token] = Recorded(
                counts=int(change.is_following) - int(row["is_active"]),
                is_first="first_followed_at" not in row,
            )
        return recorded

    async def _inserted(self, changes: Sequence[FollowChange]) -> dict[UUID, Recorded]:
        """Insert the rows of `changes` that are not there; say of which changes those are."""
        if not changes:
            return {}
        known = await self._follows.insert_new([_new_row(change) for change in changes])
        return {
            change.token: Recorded(int(change.is_following), is_first=True)
            for place, change in enumerate(changes)
            if place not in known
        }

    async def _written(
        self, changes: Sequence[tuple[FollowChange, Document]]
    ) -> Sequence[tuple[FollowChange, Document]]:
        """Write those of `changes` whose rows are still as they were read; return these."""
        if not changes:
            return []
        writing = uuid4()
        updates = [
            UpdateOne({**_key(change), "revision": row["revision"]}, _update(row, change, writing))
            for change, row in changes
        ]
        # Every write raises the revision, so one that matches modifies.
        if await self._follows.bulk_update(updates) == len(updates):
            return changes
        rows = await self._rows([change for change, _ in changes])
        # A row may be gone meanwhile.
        return [pair for pair in changes if rows.get(_id(pair[0]), {}).get("writing") == writing]

    async def _rows(self, changes: Collection[FollowChange]) -> dict[UUID, Document]:
        found: list[Document] = []
        for some in portions(changes):
            found += await self._follows.find(
                {
                    "_id": {"$in": list({_id(change) for change in some})},
                    "business_id": {"$in": list({change.business_id for change in some})},
                    "user_id": {"$in": list({change.user_id for change in some})},
                }
            )
        return {row["_id"]: row for row in found}


def _id(change: FollowChange) -> UUID:
    return follow_id(change.business_id, change.user_id)


def _key(change: FollowChange) -> Document:
    return {"_id": _id(change), "business_id": change.business_id, "user_id": change.user_id}


def _new_row(change: FollowChange) -> Document:
    blank = {"slot": slot_of(change.user_id), "is_active": False, "revision": 0}
    return {**_key(change), **blank, **_said(blank, change)}


def _followed(
    business_id: UUID, since: datetime, before: datetime, user_type: str | None
) -> dict[str, Any]:
    return {
        "business_id": business_id,
        "is_active": True,
        **({} if user_type is None else {"user_type": user_type}),
        "followed_at": {"$gte": since, "$lt": before},
    }


def _update(row: Document, change: FollowChange, writing: UUID) -> dict[str, Any]:
    """Return the update that makes `row` say what `change` says, signed by `writing`."""
    update: dict[str, Any] = {"$set": {**_said(row, change), "writing": writing}}
    if change.is_following and not row["is_active"]:
        update["$unset"] = {"unfollowed_at": ""}
    return update


def _said(row: Document, change: FollowChange) -> Document:
    """Return the fields of `row` that `change` changes."""
    values: Document = {"revision": change.revision}
    if row["is_active"] == change.is_following:
        return values
    values |= {"user_type": change.user_type, "is_active": change.is_following}
    if not change.is_following:
        return values | {"unfollowed_at": change.at}
    gaps = row.get("gaps", [])
    if "unfollowed_at" in row:
        gaps = [*gaps, {"from": row["unfollowed_at"], "to": change.at}][-GAPS_KEPT:]
    return values | {
        "first_followed_at": row.get("first_followed_at", change.at),
        "followed_at": change.at,
        "gaps": gaps,
    }


def _follow(row: Document) -> Follow:
    return Follow(
        id=row["_id"],
        business_id=row["business_id"],
        user_id=row["user_id"],
        user_type=row["user_type"],
        slot=row["slot"],
        first_followed_at=row["first_followed_at"],
        followed_at=row["followed_at"],
        gaps=gaps_of(row["gaps"]),
    )
