"""Whether the three places that know of a follow agree."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from storage.follow_changes import ChangeFollow

if TYPE_CHECKING:
    from motor.motor_asyncio import AsyncIOMotorDatabase

    from storage.client import Document
    from storage.following import Following, FollowResult
    from storage.stores import Stores


async def followers_count(stores: Stores, business_id: UUID) -> int:
    return (await stores.businesses.get(business_id)).followers_count


async def is_consistent(stores: Stores, user_id: UUID, business_id: UUID) -> bool:
    """Tell whether the truth, the row and the count of a single follower agree."""
    follows = business_id in await stores.users.following(user_id)
    has_row = await stores.follows.find(business_id, user_id) is not None
    return follows == has_row == (await followers_count(stores, business_id) == 1)


async def unsettled(database: AsyncIOMotorDatabase[Document]) -> int:
    return await database["users"].count_documents({"settling": {"$exists": True}})


async def follow(
    following: Following, user_id: UUID, user_type: str, business_id: UUID
) -> FollowResult:
    """Have one user follow, alone; raise what refuses it."""
    wanted = ChangeFollow(
        user_id=user_id, business_id=business_id, is_follow=True, user_type=user_type
    )
    return await _alone(following, wanted)


async def unfollow(following: Following, user_id: UUID, business_id: UUID) -> None:
    """Have one user stop following, alone; raise what refuses it."""
    await _alone(following, ChangeFollow(user_id=user_id, business_id=business_id, is_follow=False))


async def _alone(following: Following, wanted: ChangeFollow) -> FollowResult:
    done = await following.carry_out([wanted])
    await following.settle(done.changes)
    (result,) = done.results
    if isinstance(result, Exception):
        raise result
    return result
