"""Uses of the follows that users have, and of those that are being settled."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any
from uuid import UUID

from storage.follow_changes import ChangeFollow, FollowChange, FollowChanges
from tests.storage.filled.asked import BAKERY, FOLLOWER, LATER, SETTLER
from tests.storage.samples import NOON
from tests.storage.uses.use import Use, counted

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from motor.motor_asyncio import AsyncIOMotorDatabase

    from storage.client import Document
    from storage.stores import Stores

A_FOLLOW = FollowChange(
    token=UUID(int=1),
    user_id=SETTLER,
    user_type="ngo",
    business_id=BAKERY,
    at=NOON,
    is_following=True,
    revision=1,
)
ANOTHER = replace(A_FOLLOW, token=UUID(int=2), user_id=FOLLOWER)


def follows_nothing(database: AsyncIOMotorDatabase[Document]) -> Awaitable[Any]:
    return database["users"].update_one(
        {"_id": SETTLER}, {"$unset": {"following": "", "settling": ""}}, upsert=True
    )


def follows_the_bakery(database: AsyncIOMotorDatabase[Document]) -> Awaitable[Any]:
    return database["users"].update_one(
        {"_id": SETTLER}, {"$set": {"following": [BAKERY]}, "$unset": {"settling": ""}}, upsert=True
    )


def settles_nothing(database: AsyncIOMotorDatabase[Document]) -> Awaitable[Any]:
    return database["users"].update_one({"_id": SETTLER}, {"$unset": {"settling": ""}})


async def made(stores: Stores, wanted: ChangeFollow) -> int:
    """Return how many changes were made; two runs do not return equals."""
    begun = await stores.following.changes.begin([wanted], at=LATER)
    return sum(isinstance(each, FollowChange) for each in begun)


FOLLOW = ChangeFollow(user_id=SETTLER, business_id=BAKERY, is_follow=True, user_type="ngo")
UNFOLLOW = ChangeFollow(user_id=SETTLER, business_id=BAKERY, is_follow=False)

USES = [
    Use(FollowChanges.begin, lambda stores: made(stores, FOLLOW), restore=follows_nothing),
    Use(FollowChanges.begin, lambda stores: made(stores, UNFOLLOW), restore=follows_the_bakery),
    Use(
        FollowChanges.settled, lambda stores: stores.following.changes.settled([A_FOLLOW, ANOTHER])
    ),
    Use(
        FollowChanges.unsettled,
        lambda stores: counted(stores.following.changes.unsettled(before=LATER)),
        ("settling_at",),
    ),
    Use(
        FollowChanges.settling_tokens,
        lambda stores: counted(stores.following.changes.settling_tokens(BAKERY)),
        ("settling_business",),
        settles_nothing,
    ),
]
