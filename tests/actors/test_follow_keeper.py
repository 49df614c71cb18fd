from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from actors.follow_keeper import FollowKeeper, Follows
from storage.follow_changes import ChangeFollow
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


async def test_who_has_given_up_before_their_turn_follows_nothing(stores: Stores) -> None:
    business_id = await a_business(stores)
    gone, waits = (
        ChangeFollow(user_id=uuid4(), business_id=business_id, is_follow=True, user_type="ngo")
        for _ in range(2)
    )
    keeper = FollowKeeper.start(stores.following)
    try:
        given_up = keeper.ask(gone, block=False)
        given_up.abandon()
        assert (await keeper.request(waits, deadline_s=5)).created
    finally:
        await keeper.stop_and_wait(deadline_s=5)
    assert await stores.users.following(gone.user_id) == []
    assert await stores.users.following(waits.user_id) == [business_id]
