from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from actors.follow_keeper import FollowKeeper, Follows
from storage.following import AlreadyFollowing, NotFollowing
from storage.stores import Stores
from tests.storage.samples import a_business


@pytest.fixture
async def follows(stores: Stores) -> AsyncIterator[Follows]:
    keeper = FollowKeeper.start(stores.following)
    yield Follows(lambda: keeper)
    await keeper.stop_and_wait(deadline_s=5)


async def test_who_asks_gets_what_became_of_it(follows: Follows, stores: Stores) -> None:
    user_id, business_id = uuid4(), await a_business(stores)
    assert (await follows.follow(user_id, "ngo", business_id)).created
    with pytest.raises(AlreadyFollowing):
        await follows.follow(user_id, "ngo", business_id)
    await follows.unfollow(user_id, business_id)
    with pytest.raises(NotFollowing):
        await follows.unfollow(user_id, business_id)
    assert not (await follows.follow(user_id, "ngo", business_id)).created


async def test_many_at_once_are_answered_each(follows: Follows, stores: Stores) -> None:
    users, business_id = [uuid4() for _ in range(120)], await a_business(stores)
    results = await asyncio.gather(
        *(follows.follow(user_id, "customer", business_id) for user_id in users)
    )
    assert len({result.follow_id for result in results}) == len(users)
    assert (await stores.businesses.get(business_id)).followers_count == len(users)
