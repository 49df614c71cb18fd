"""Change what a user follows: the truth, and the reminder that the rest has yet to be told.

`users.following` is the truth. In the same atomic update each change gets a number (its revision)
and leaves an entry `{token, business_id, at}` in `users.settling`, which goes when the row in
`follows` and the business's count agree. A process killed in between leaves the entry behind, and
the repair (storage/following.py) finds it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from uuid import UUID, uuid4

from storage.collection import StoreCollection

if TYPE_CHECKING:
    from datetime import datetime

    from motor.motor_asyncio import AsyncIOMotorDatabase

    from storage.client import Document

FOLLOW_LIMIT = 100
"""Active follows of a user (contract section 2.3)."""

REPAIRED_AT_ONCE = 500
"""Users whose entries one repair reads; the next repair reads the next."""

_CHANGED = {"following_revision": 1, "user_type": 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowChange:
    """One follow or unfollow, made but perhaps not told everywhere yet."""

    token: UUID
    user_id: UUID
    user_type: str | None
    business_id: UUID
    at: datetime
    is_following: bool
    revision: int
    """The how manyeth change of the user's following; of two, the higher one is right."""


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
        token = uuid4()
        while True:
            changed = await self._users.find_one_and_update(
                {
                    "_id": user_id,
                    "following": {"$ne": business_id},
                    f"following.{limit - 1}": {"$exists": False},
                },
                {
                    "$push": {
                        "following": business_id,
                        "settling": {"token": token, "business_id": business_id, "at": at},
                    },
                    "$inc": {"following_revision": 1},
                },
                _CHANGED,
            )
            if changed is not None:
                return FollowChange(
                    token=token,
                    user_id=user_id,
                    user_type=changed.get("user_type") or user_type,
                    business_id=business_id,
                    at=at,
                    is_following=True,
                    revision=changed["following_revision"],
                )
            found = await self._users.find_one({"_id": user_id}, {"following": 1})
            if found is None:
                # Somebody whose registration has not arrived yet, known by their token alone.
                await self._users.insert_if_absent({"_id": user_id}, {"user_type": user_type})
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
        token = uuid4()
        changed = await self._users.find_one_and_update(
            {"_id": user_id, "following": business_id},
            {
                "$pull": {"following": business_id},
                "$push": {"settling": {"token": token, "business_id": business_id, "at": at}},
                "$inc": {"following_revision": 1},
            },
            _CHANGED,
        )
        if changed is None:
            return None
        return FollowChange(
            token=token,
            user_id=user_id,
            user_type=changed.get("user_type"),
            business_id=business_id,
            at=at,
            is_following=False,
            revision=changed["following_revision"],
        )

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
            {"settling": 1, "following": 1, **_CHANGED},
            limit=REPAIRED_AT_ONCE,
        )
        return [
            FollowChange(
                token=entry["token"],
                user_id=user["_id"],
                user_type=user.get("user_type"),
                business_id=entry["business_id"],
                at=entry["at"],
                is_following=entry["business_id"] in user.get("following", ()),
                revision=user["following_revision"],
            )
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
