from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from motor.motor_asyncio import AsyncIOMotorDatabase

from actors.follow_keeper import FollowKeeper, Follows
from actors.loop_future import LoopFuture
from storage.client import Document, StoreUnavailable
from storage.collection import IDS_AT_ONCE
from storage.follow_changes import ChangeFollow, FollowChange
from storage.following import AlreadyFollowing, CarriedOut, Following, FollowResult, NotFollowing
from storage.stores import Stores
from tests.storage.consistency import unsettled
from tests.storage.samples import a_business

SOON_S = 30.0


class CountedFollowing:
    """What keeps how many changes were settled at once, and may be away for that."""

    def __init__(self, following: Following) -> None:
        self._following = following
        self.settled: list[int] = []
        self.is_away = False
        self.fails_next = False
        self.on_carried_out: Callable[[], None] = lambda: None

    async def carry_out(self, wanted: Sequence[ChangeFollow]) -> CarriedOut:
        if self.fails_next:
            self.fails_next = False
            raise StoreUnavailable("away")
        done = await self._following.carry_out(wanted)
        self.on_carried_out()
        return done

    async def settle(self, changes: Sequence[FollowChange]) -> None:
        if self.is_away:
            raise StoreUnavailable("away")
        await self._following.settle(changes)
        self.settled.append(len(changes))


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


async def test_changes_made_while_more_wait_are_settled_together(
    stores: Stores, database: AsyncIOMotorDatabase[Document]
) -> None:
    business_id = await a_business(stores)
    following: Any = CountedFollowing(stores.following)
    keeper = FollowKeeper.start(following)
    wanted = iter([_follow(business_id) for _ in range(IDS_AT_ONCE + 2)])
    answers: list[LoopFuture[FollowResult]] = []

    def ask_for_more() -> None:
        if (each := next(wanted, None)) is not None:
            answers.append(keeper.ask(each, block=False))

    following.on_carried_out = ask_for_more
    ask_for_more()
    for place in range(IDS_AT_ONCE + 2):
        assert (await answers[place]).created
    # Behind what is settled when nothing waits any more.
    await keeper.stop_and_wait(deadline_s=SOON_S)
    assert following.settled[:2] == [IDS_AT_ONCE, 2]
    assert await unsettled(database) == 0


async def test_a_keeper_that_is_stopped_settles_what_it_has_changed(
    stores: Stores, database: AsyncIOMotorDatabase[Document]
) -> None:
    following: Any = CountedFollowing(stores.following)
    keeper = FollowKeeper.start(following)
    stopped: list[Any] = []
    following.on_carried_out = lambda: stopped.append(keeper.stop(block=False))
    await keeper.request(_follow(await a_business(stores)), deadline_s=SOON_S)
    await stopped[0]
    assert following.settled == [1]
    assert await unsettled(database) == 0


async def test_a_follow_that_cannot_be_settled_stands_and_is_left_to_the_repair(
    stores: Stores, database: AsyncIOMotorDatabase[Document]
) -> None:
    business_id = await a_business(stores)
    following: Any = CountedFollowing(stores.following)
    following.is_away = True
    keeper = FollowKeeper.start(following)
    assert (await keeper.request(_follow(business_id), deadline_s=SOON_S)).created
    await keeper.stop_and_wait(deadline_s=SOON_S)
    assert (await stores.businesses.get(business_id)).followers_count == 1
    assert await unsettled(database) == 1
    assert await stores.following.repair(timedelta(0)) == 1
    assert await unsettled(database) == 0


async def test_a_failure_of_those_after_it_leaves_no_follow_unsettled(
    stores: Stores, database: AsyncIOMotorDatabase[Document]
) -> None:
    following: Any = CountedFollowing(stores.following)
    keeper = FollowKeeper.start(following)
    wanted = _follow(await a_business(stores))
    later: list[LoopFuture[FollowResult]] = []

    def fail_those_after() -> None:
        later.append(keeper.ask(wanted, block=False))
        following.fails_next = True

    following.on_carried_out = fail_those_after
    assert (await keeper.request(wanted, deadline_s=SOON_S)).created
    with pytest.raises(StoreUnavailable):
        await later[0]
    # Behind what is settled.
    keeper_is_left = keeper.ask(_follow(wanted.business_id), block=False)
    following.on_carried_out = lambda: None
    assert (await keeper_is_left).created
    assert following.settled[0] == 1
    await keeper.stop_and_wait(deadline_s=SOON_S)
    assert await unsettled(database) == 0


def _follow(business_id: UUID) -> ChangeFollow:
    return ChangeFollow(
        user_id=uuid4(), business_id=business_id, is_follow=True, user_type="customer"
    )
