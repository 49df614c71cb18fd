"""Change what a user follows: the truth, and the reminder that the rest has yet to be told.

`users.following` is the truth. In the same atomic update each change gets a number (its revision)
and leaves an entry `{token, business_id, at, user_type?}` in `users.settling`, which goes when the
row in `follows` and the business's count agree. A process killed in between leaves the entry
behind, and the repair (storage/following.py) finds it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias
from uuid import UUID, uuid4

from pymongo import UpdateOne

from storage.collection import StoreCollection, portions
from storage.newcomers import newcomer

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from motor.motor_asyncio import AsyncIOMotorDatabase

    from storage.client import Document

FOLLOW_LIMIT = 100
"""Active follows of a user (contract section 2.3)."""

REPAIRED_AT_ONCE = 500
"""Users whose entries one repair reads; the next repair reads the next."""

_STANDING = {"following": 1, "following_revision": 1, "user_type": 1}


Refusal: TypeAlias = Literal["already", "full", "absent"]
"""The user follows the business already, follows as many as one may, or does not follow it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeFollow:
    """Follow a business or, when `is_follow` is false, stop following it."""

    user_id: UUID
    business_id: UUID
    is_follow: bool
    user_type: str | None = None
    """Of who follows, as their token says."""


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

    async def begin(
        self, wanted: Sequence[ChangeFollow], *, at: datetime, limit: int = FOLLOW_LIMIT
    ) -> list[FollowChange | Refusal]:
        """Change what users follow, in the order wanted; return the change, or why there is none.

        Nobody comes to follow more than `limit` businesses.
        """
        waiting = [(uuid4(), each) for each in wanted]
        tokens = [token for token, _ in waiting]
        begun: dict[UUID, FollowChange | Refusal] = {}
        while waiting:
            users = await self._write(waiting, at, limit)
            undecided: set[UUID] = set()
            for token, each in waiting:
                answer = _answer(users.get(each.user_id), each, token, limit)
                # What a user wanted later is judged after what came before it.
                if answer is None or each.user_id in undecided:
                    undecided.add(each.user_id)
                else:
                    begun[token] = answer
            waiting = [pair for pair in waiting if pair[0] not in begun]
            await self._meet(
                {each.user_id: each for _, each in waiting if each.user_id not in users}
            )
        return [begun[token] for token in tokens]

    async def _meet(self, strangers: Mapping[UUID, ChangeFollow]) -> None:
        """Make users of those whose registration has not arrived, known by their token alone."""
        if strangers:
            await self._users.insert_new(
                [
                    {"_id": user_id, **newcomer(user_id, each.user_type or "")}
                    for user_id, each in strangers.items()
                ]
            )

    async def _write(
        self, pairs: Sequence[tuple[UUID, ChangeFollow]], at: datetime, limit: int
    ) -> dict[UUID, Document]:
        """Make the changes, each unless it is refused, and return their users as they are then."""
        await self._users.bulk_update(_update(each, token, at, limit) for token, each in pairs)
        users = await self._users.find_by_id(
            {each.user_id for _, each in pairs}, {}, {"settling": 1, **_STANDING}
        )
        return {user["_id"]: user for user in users}

    async def settled(self, changes: Collection[FollowChange]) -> None:
        """Forget the entries of `changes`: everything agrees with them."""
        for some in portions(changes):
            await self._users.update_by_id(
                {change.user_id for change in some}, {}, _forget([change.token for change in some])
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


def _update(wanted: ChangeFollow, token: UUID, at: datetime, limit: int) -> UpdateOne:
    entry = {"token": token, "business_id": wanted.business_id, "at": at}
    if not wanted.is_follow:
        return UpdateOne(
            {"_id": wanted.user_id, "following": wanted.business_id},
            {
                "$pull": {"following": wanted.business_id},
                "$push": {"settling": entry},
                "$inc": {"following_revision": 1},
            },
        )
    return UpdateOne(
        {
            "_id": wanted.user_id,
            "following": {"$ne": wanted.business_id},
            f"following.{limit - 1}": {"$exists": False},
        },
        {
            "$push": {
                "following": wanted.business_id,
                "settling": {**entry, "user_type": wanted.user_type},
            },
            "$inc": {"following_revision": 1},
        },
    )


def _forget(tokens: Sequence[UUID]) -> list[dict[str, Any]]:
    others = {
        "$filter": {
            "input": {"$ifNull": ["$settling", []]},
            "cond": {"$not": [{"$in": ["$$this.token", tokens]}]},
        }
    }
    # Without any the field goes, so that the sparse indexes hold only who has some.
    kept = {"$cond": [{"$eq": ["$settling", []]}, "$$REMOVE", "$settling"]}
    return [{"$set": {"settling": others}}, {"$set": {"settling": kept}}]


def _answer(
    user: Document | None, wanted: ChangeFollow, token: UUID, limit: int
) -> FollowChange | Refusal | None:
    """Return what became of a change by what its user is like after it; None: it was too early."""
    user = user or {"_id": wanted.user_id}
    for entry in user.get("settling", ()):
        if entry["token"] == token:
            return _change(user, entry)
    following = user.get("following", ())
    if not wanted.is_follow:
        return "absent"
    if wanted.business_id in following:
        return "already"
    return "full" if len(following) >= limit else None


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
