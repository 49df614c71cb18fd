from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import pytest

from rules.ids import follow_id
from storage.follow_changes import FOLLOW_LIMIT, ChangeFollow
from storage.following import (
    AlreadyFollowing,
    CarriedOut,
    FollowLimitExceeded,
    FollowResult,
    NotFollowing,
)
from storage.users import ProfileChange
from tests.storage.consistency import follow, followers_count, is_consistent, unfollow, unsettled
from tests.storage.samples import NOON, a_business

if TYPE_CHECKING:
    from motor.motor_asyncio import AsyncIOMotorDatabase

    from storage.client import Document
    from storage.stores import Stores


async def test_a_follow_is_in_all_three_places_and_leaves_no_reminder(
    stores: Stores, database: AsyncIOMotorDatabase[Document]
) -> None:
    user_id, business_id = uuid4(), await a_business(stores)
    result = await follow(stores.following, user_id, "customer", business_id)
    assert result.created
    assert result.follow_id == follow_id(business_id, user_id)
    assert await stores.users.following(user_id) == [business_id]
    assert await is_consistent(stores, user_id, business_id)
    assert await unsettled(database) == 0


async def test_a_restored_follow_says_created_false(stores: Stores) -> None:
    user_id, business_id = uuid4(), await a_business(stores)
    await follow(stores.following, user_id, "customer", business_id)
    await unfollow(stores.following, user_id, business_id)
    assert await followers_count(stores, business_id) == 0
    result = await follow(stores.following, user_id, "customer", business_id)
    assert not result.created
    assert await is_consistent(stores, user_id, business_id)


async def test_a_business_is_followed_once(stores: Stores) -> None:
    user_id, business_id = uuid4(), await a_business(stores)
    await follow(stores.following, user_id, "customer", business_id)
    with pytest.raises(AlreadyFollowing) as caught:
        await follow(stores.following, user_id, "customer", business_id)
    assert caught.value.business_id == business_id
    assert await followers_count(stores, business_id) == 1


async def test_what_is_not_followed_cannot_be_unfollowed(stores: Stores) -> None:
    user_id, business_id = uuid4(), await a_business(stores)
    with pytest.raises(NotFollowing) as caught:
        await unfollow(stores.following, user_id, business_id)
    assert caught.value.business_id == business_id


async def test_a_follower_keeps_the_type_that_the_platform_told(stores: Stores) -> None:
    known, unknown, business_id = uuid4(), uuid4(), await a_business(stores)
    await stores.users.apply([ProfileChange(known, {"user_type": "ngo"}, NOON)])
    await follow(stores.following, known, "customer", business_id)
    await follow(stores.following, unknown, "customer", business_id)
    types = {}
    for user_id in (known, unknown):
        found = await stores.follows.find(business_id, user_id)
        assert found is not None
        types[user_id] = found.user_type
    assert types == {known: "ngo", unknown: "customer"}


async def test_of_fifty_follows_at_once_exactly_those_below_the_limit_succeed(
    stores: Stores, database: AsyncIOMotorDatabase[Document]
) -> None:
    user_id = uuid4()
    before = [uuid4() for _ in range(FOLLOW_LIMIT - 20)]
    await database["users"].insert_one({"_id": user_id, "following": before})
    businesses = [await a_business(stores) for _ in range(50)]
    results = await asyncio.gather(
        *(follow(stores.following, user_id, "customer", each) for each in businesses),
        return_exceptions=True,
    )
    refused = [result for result in results if isinstance(result, FollowLimitExceeded)]
    assert len(refused) == 30
    assert {error.limit for error in refused} == {FOLLOW_LIMIT}
    following = await stores.users.following(user_id)
    assert len(following) == len(set(following)) == FOLLOW_LIMIT
    counts = [await followers_count(stores, each) for each in businesses]
    assert [each in following for each in businesses] == [count == 1 for count in counts]
    assert await unsettled(database) == 0


async def test_of_the_same_follow_many_times_at_once_exactly_one_succeeds(stores: Stores) -> None:
    user_id, business_id = uuid4(), await a_business(stores)
    results = await asyncio.gather(
        *(follow(stores.following, user_id, "customer", business_id) for _ in range(20)),
        return_exceptions=True,
    )
    assert sum(isinstance(result, AlreadyFollowing) for result in results) == 19
    assert await is_consistent(stores, user_id, business_id)


async def test_follows_and_unfollows_at_once_end_consistent(
    stores: Stores, database: AsyncIOMotorDatabase[Document]
) -> None:
    user_id, business_id = uuid4(), await a_business(stores)

    async def toggle(number: int) -> None:
        if number % 2:
            await unfollow(stores.following, user_id, business_id)
        else:
            await follow(stores.following, user_id, "customer", business_id)

    results = await asyncio.gather(*map(toggle, range(40)), return_exceptions=True)
    unexpected = [
        result
        for result in results
        if result is not None and not isinstance(result, AlreadyFollowing | NotFollowing)
    ]
    assert unexpected == []
    assert await is_consistent(stores, user_id, business_id)
    assert await unsettled(database) == 0


async def test_the_list_of_what_is_followed_is_newest_first_and_paged(stores: Stores) -> None:
    user_id = uuid4()
    businesses = [await a_business(stores) for _ in range(5)]
    for business_id in businesses:
        await follow(stores.following, user_id, "customer", business_id)
    count, page = await stores.following.page(user_id, page=1, page_size=2)
    assert count == 5
    assert [each.business.id for each in page] == businesses[:2:-1]
    assert [each.follow_id for each in page] == [
        follow_id(business_id, user_id) for business_id in businesses[:2:-1]
    ]
    last = await stores.following.page(user_id, page=3, page_size=2)
    assert [each.business.id for each in last[1]] == businesses[:1]
    assert await stores.following.page(user_id, page=4, page_size=2) == (5, [])
    times = [each.followed_at for each in page + last[1]]
    assert all(times)
    assert times == sorted(times, key=lambda at: at or NOON, reverse=True)


async def test_of_changes_made_together_each_gets_its_own_answer(
    stores: Stores, database: AsyncIOMotorDatabase[Document]
) -> None:
    first, second, third, full = uuid4(), uuid4(), uuid4(), uuid4()
    bakery, dairy = await a_business(stores), await a_business(stores)
    await database["users"].insert_one(
        {"_id": full, "following": [uuid4() for _ in range(FOLLOW_LIMIT)]}
    )

    def wanted(user_id: UUID, business_id: UUID, *, is_follow: bool = True) -> ChangeFollow:
        return ChangeFollow(
            user_id=user_id, business_id=business_id, is_follow=is_follow, user_type="ngo"
        )

    await follow(stores.following, third, "ngo", bakery)
    done = await stores.following.carry_out(
        [
            wanted(first, bakery),
            wanted(second, dairy, is_follow=False),
            wanted(first, bakery),
            wanted(full, bakery),
            wanted(second, bakery),
            wanted(first, dairy),
            wanted(third, bakery, is_follow=False),
        ]
    )
    await stores.following.settle(done.changes)
    assert [type(result) for result in done.results] == [
        FollowResult,
        NotFollowing,
        AlreadyFollowing,
        FollowLimitExceeded,
        FollowResult,
        FollowResult,
        FollowResult,
    ]
    assert await stores.users.following(first) == [bakery, dairy]
    assert await stores.users.following(third) == []
    assert await followers_count(stores, bakery) == await stores.follows.count(bakery) == 2
    assert await followers_count(stores, dairy) == await stores.follows.count(dairy) == 1
    assert await unsettled(database) == 0
    assert await stores.following.carry_out([]) == CarriedOut([], [])


async def test_a_follow_under_way_is_listed_without_its_time(stores: Stores) -> None:
    user_id, business_id = uuid4(), await a_business(stores)
    wanted = ChangeFollow(user_id=user_id, business_id=business_id, is_follow=True)
    await stores.following.begin([wanted])
    count, page = await stores.following.page(user_id, page=1, page_size=20)
    assert count == 1
    assert [each.followed_at for each in page] == [None]
