"""Change what a user follows: the truth, and the reminder that the rest has yet to be told.

`users.following` is the truth. In the same atomic update each change gets a number (its revision)
and leaves an entry `{token, business_id, at, user_type?}` in `users.settling`, which goes when the
row in `follows` and the business's count agree. A process killed in between leaves the entry
behind, and the repair (storage/following.py) finds it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from uuid import UUID, uuid4

from storage.collection import StoreCollection
from storage.newcomers import newcomer

if TYPE_CHECKING:
    from datetime import datetime

    from motor.motor_asyncio import AsyncIOMotorDatabase

    from storage.client import Document

FOLLOW_LIMIT = 100
"""Active follows of a user (contract section 2.3)."""

REPAIRED_AT_ONCE = 500
"""Users whose entries one repair reads; the next repair reads the next."""

_STANDING = {"following": 1, "following_revision": 1, "user_type": 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowChange:
    """A follow or unfollow, with how things stand since: a later change may have undone it."""

    token: UUID
    user_id: UUID
    user_type: str | None
    business_id: UUID
    at: datetime
    is_following: bool
    revision: int
    """How many changes the user had made; of two statements the one with more is right."""


class FollowChanges:
    """The fields `following`, `following_revision` and `settling` of the collection `users`."""

    def __init__(self, database: AsyncIOMotorDatabase[Document]) -> None:
        self._users = StoreCollection(database["users"])

    async def add(
        self,
        user_id: UUID,
        business_id: UUID,
        *,
        user_type: str,
        at: datetime,
        limit: int = FOLLOW_LIMIT,
    ) -> FollowChange | Literal["already", "full"]:
        """Follow, unless the user does already or follows `limit` businesses."""
        entry = {
            "token": uuid4(),
            "business_id": business_id,
            "at": at,
            "user_type": user_type,
        }
        while True:
            if await self._users.update_one(
                {
                    "_id": user_id,
                    "following": {"$ne": business_id},
                    f"following.{limit - 1}": {"$exists": False},
                },
                {
                    "$push": {"following": business_id, "settling": entry},
                    "$inc": {"following_revision": 1},
                },
            ):
                return await self._standing(user_id, entry)
            found = await self._users.find_one({"_id": user_id}, {"following": 1})
            if found is None:
                # Somebody whose registration has not arrived yet, known by their token alone.
                await self._users.insert_if_absent({"_id": user_id}, newcomer(user_id, user_type))
                continue
            following = found.get("following", ())
            if business_id in following:
                return "already"
            if len(following) >= limit:
                return "full"

    async def remove(
        self, user_id: UUID, business_id: UUID, *, at: datetime
    ) -> FollowChange | None:
        """Unfollow; return None when the user does not follow."""
        entry = {"token": uuid4(), "business_id": business_id, "at": at}
        if not await self._users.update_one(
            {"_id": user_id, "following": business_id},
            {
                "$pull": {"following": business_id},
                "$push": {"settling": entry},
                "$inc": {"following_revision": 1},
            },
        ):
            return None
        return await self._standing(user_id, entry)

    async def settled(self, change: FollowChange) -> None:
        """Forget the entry of `change`: everything agrees with it."""
        others = {
            "$filter": {
                "input": {"$ifNull": ["$settling", []]},
                "cond": {"$ne": ["$$this.token", change.token]},
            }
        }
        # Without any the field goes, so that the sparse indexes hold only who has some.
        await self._users.update_one(
            {"_id": change.user_id},
            [
                {"$set": {"settling": others}},
                {
                    "$set": {
                        "settling": {"$cond": [{"$eq": ["$settling", []]}, "$$REMOVE", "$settling"]}
                    }
                },
            ],
        )

    async def unsettled(self, *, before: datetime) -> list[FollowChange]:
        """Return the changes made before `before` that are not settled, as they stand now."""
        users = await self._users.find(
            {"settling.at": {"$lt": before}},
            {"settling": 1, **_STANDING},
            limit=REPAIRED_AT_ONCE,
        )
        return [
            _change(user, entry)
            for user in users
            for entry in user["settling"]
            if entry["at"] < before
        ]

    async def settling_tokens(self, business_id: UUID) -> set[UUID]:
        """Return the tokens of the changes of `business_id` that are under way."""
        users = await self._users.find({"settling.business_id": business_id}, {"settling": 1})
        return {
            entry["token"]
            for user in users
            for entry in user["settling"]
            if entry["business_id"] == business_id
        }

    async def _standing(self, user_id: UUID, entry: Document) -> FollowChange:
        user = await self._users.find_one({"_id": user_id}, _STANDING)
        # Of somebody erased this moment there is nothing more to say.
        return _change(user or {"_id": user_id, "following_revision": 0}, entry)


def _change(user: Document, entry: Document) -> FollowChange:
    return FollowChange(
        token=entry["token"],
        user_id=user["_id"],
        user_type=user.get("user_type") or entry.get("user_type"),
        business_id=entry["business_id"],
        at=entry["at"],
        is_following=entry["business_id"] in user.get("following", ()),
        revision=user["following_revision"],
    )
