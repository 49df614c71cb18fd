from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import pytest

from storage.follow_changes import ChangeFollow, FollowChange, FollowChanges
from storage.following import (
    OWN_TIME,
    Following,
)
from storage.follows import FollowsRepository, Recorded
from storage.positions import PositionClock
from storage.stores import open_stores
from tests.storage.consistency import follow, followers_count, is_consistent, unfollow, unsettled
from tests.storage.samples import a_business

if TYPE_CHECKING:
    from motor.motor_asyncio import AsyncIOMotorDatabase

    from storage.client import Document
    from storage.encryption import FieldCipher
    from storage.stores import Stores

AT_ONCE = timedelta(seconds=-1)
STEPS_BEFORE_THE_KILL = [1, 2, 3]


def stores_of(
    database: AsyncIOMotorDatabase[Document], cipher: FieldCipher, *, ago: timedelta
) -> Stores:
    """Return the stores of a process that lives `ago`."""
    clock = PositionClock(wall=lambda: time.time() - ago.total_seconds())
    return open_stores(database, cipher, clock)


async def begun(following: Following, wanted: ChangeFollow) -> FollowChange:
    """Take the first step of a change that nothing refuses."""
    (change,) = await following.begin([wanted])
    assert isinstance(change, FollowChange)
    return change


def a_follow(user_id: UUID, business_id: UUID) -> ChangeFollow:
    return ChangeFollow(
        user_id=user_id, business_id=business_id, is_follow=True, user_type="customer"
    )


def an_unfollow(user_id: UUID, business_id: UUID) -> ChangeFollow:
    return ChangeFollow(user_id=user_id, business_id=business_id, is_follow=False)


async def killed_after(following: Following, steps: int, wanted: ChangeFollow) -> None:
    """Take the first steps of a change."""
    change = await begun(following, wanted)
    if steps > 1:
        recorded = await following.record([change])
        if steps > 2:
            await following.count([change], recorded)


@pytest.mark.parametrize("steps", STEPS_BEFORE_THE_KILL)
async def test_a_follow_killed_after_any_step_is_repaired(
    stores: Stores, database: AsyncIOMotorDatabase[Document], steps: int
) -> None:
    user_id, business_id = uuid4(), await a_business(stores)
    await killed_after(stores.following, steps, a_follow(user_id, business_id))
    assert await stores.following.repair() == 0, "its process may be at it still"
    assert await stores.following.repair(AT_ONCE) == 1
    assert await stores.users.following(user_id) == [business_id]
    assert await is_consistent(stores, user_id, business_id)
    assert await unsettled(database) == 0
    assert await stores.following.repair(AT_ONCE) == 0


@pytest.mark.parametrize("steps", STEPS_BEFORE_THE_KILL)
async def test_an_unfollow_killed_after_any_step_is_repaired(
    stores: Stores, database: AsyncIOMotorDatabase[Document], steps: int
) -> None:
    user_id, business_id = uuid4(), await a_business(stores)
    await follow(stores.following, user_id, "customer", business_id)
    await killed_after(stores.following, steps, an_unfollow(user_id, business_id))
    assert await stores.following.repair(AT_ONCE) == 1
    assert await stores.users.following(user_id) == []
    assert await is_consistent(stores, user_id, business_id)
    assert await unsettled(database) == 0


@pytest.mark.parametrize("steps", STEPS_BEFORE_THE_KILL)
async def test_a_change_killed_and_then_changed_again_is_repaired(
    stores: Stores, database: AsyncIOMotorDatabase[Document], steps: int
) -> None:
    user_id, business_id = uuid4(), await a_business(stores)
    await killed_after(stores.following, steps, a_follow(user_id, business_id))
    await unfollow(stores.following, user_id, business_id)
    await killed_after(stores.following, steps, a_follow(user_id, business_id))
    assert await stores.following.repair(AT_ONCE) == 2
    assert await is_consistent(stores, user_id, business_id)
    assert await unsettled(database) == 0


async def test_counts_are_exact_after_repairs_while_others_follow_and_unfollow(
    stores: Stores, database: AsyncIOMotorDatabase[Document], cipher: FieldCipher
) -> None:
    """Two sweeps repair what 30 killed processes left, among 30 who come and 10 who go again."""
    business_id = await a_business(stores)
    killed, living = [uuid4() for _ in range(30)], [uuid4() for _ in range(30)]
    an_hour_ago = stores_of(database, cipher, ago=timedelta(hours=1)).following
    for number, user_id in enumerate(killed):
        await killed_after(an_hour_ago, number % 3 + 1, a_follow(user_id, business_id))
    repaired = 0

    async def come_and_go(number: int, user_id: UUID) -> None:
        await follow(stores.following, user_id, "customer", business_id)
        if number % 3 == 0:
            await unfollow(stores.following, user_id, business_id)

    async def sweep() -> None:
        nonlocal repaired
        while await unsettled(database):
            repaired += await stores.following.repair()

    await asyncio.gather(*(come_and_go(*each) for each in enumerate(living)), sweep(), sweep())
    assert repaired >= len(killed)
    following = [each for each in killed + living if await stores.users.following(each)]
    assert len(following) == 30 + 20
    assert await stores.follows.count(business_id) == len(following)
    assert await followers_count(stores, business_id) == len(following)


async def test_a_repair_leaves_a_business_alone_while_others_change_it(
    stores: Stores, database: AsyncIOMotorDatabase[Document], cipher: FieldCipher
) -> None:
    """The change under way has its row, and will add to the count itself."""
    business_id = await a_business(stores)
    an_hour_ago = stores_of(database, cipher, ago=timedelta(hours=1))
    await killed_after(an_hour_ago.following, 2, a_follow(uuid4(), business_id))
    change = await begun(stores.following, a_follow(uuid4(), business_id))
    recorded = await stores.following.record([change])
    assert await stores.following.repair() == 0
    assert await followers_count(stores, business_id) == 0
    await stores.following.count([change], recorded)
    await stores.following.settle([change])
    assert await stores.following.repair() == 1
    assert await followers_count(stores, business_id) == 2


@pytest.mark.parametrize("moment", ["before the rows are counted", "after"])
@pytest.mark.parametrize("steps", [2, 4])
async def test_a_change_in_the_middle_of_a_repair_is_counted_once(
    stores: Stores, monkeypatch: pytest.MonkeyPatch, moment: str, steps: int
) -> None:
    """It has its row, or is through with everything, when the repair writes the count."""
    following, business_id = stores.following, await a_business(stores)
    await killed_after(following, 2, a_follow(uuid4(), business_id))
    stale_only = PositionClock().store_now()
    count_rows = FollowsRepository.count
    meanwhile: list[tuple[FollowChange, list[Recorded]]] = []

    async def interfere() -> None:
        if not meanwhile:
            change = await begun(following, a_follow(uuid4(), business_id))
            meanwhile.append((change, await following.record([change])))
            if steps == 4:
                await finish()

    async def finish() -> None:
        change, recorded = meanwhile[0]
        await following.count([change], recorded)
        await following.settle([change])

    async def count_meanwhile(follows: FollowsRepository, counted: UUID) -> int:
        if moment == "after":
            rows = await count_rows(follows, counted)
            await interfere()
            return rows
        await interfere()
        return await count_rows(follows, counted)

    monkeypatch.setattr(FollowsRepository, "count", count_meanwhile)
    await following.repair(PositionClock().store_now() - stale_only)
    monkeypatch.undo()
    if steps == 2:
        await finish()
    await following.repair(AT_ONCE)
    assert await followers_count(stores, business_id) == 2


async def test_a_change_that_took_too_long_is_left_to_the_repair(
    database: AsyncIOMotorDatabase[Document], cipher: FieldCipher
) -> None:
    """Its process was frozen between the row and the count, and a repair has counted meanwhile."""
    now_s = PositionClock().store_now().timestamp()
    frozen = open_stores(database, cipher, PositionClock(wall=lambda: now_s))
    user_id, business_id = uuid4(), await a_business(frozen)
    change = await begun(frozen.following, a_follow(user_id, business_id))
    recorded = await frozen.following.record([change])
    now_s += OWN_TIME.total_seconds()
    await frozen.following.count([change], recorded)
    await frozen.following.settle([change])
    assert await followers_count(frozen, business_id) == 0
    assert await frozen.following.repair(OWN_TIME / 2) == 1
    assert await is_consistent(frozen, user_id, business_id)


async def test_a_repair_that_finds_the_count_changed_each_time_gives_up_for_now(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    business_id = await a_business(stores)
    await killed_after(stores.following, 2, a_follow(uuid4(), business_id))
    count_rows = FollowsRepository.count

    async def count_while_others_come_and_go(follows: FollowsRepository, counted: UUID) -> int:
        await stores.businesses.count_followers({business_id: 1})
        await stores.businesses.count_followers({business_id: -1})
        return await count_rows(follows, counted)

    monkeypatch.setattr(FollowsRepository, "count", count_while_others_come_and_go)
    assert await stores.following.repair(AT_ONCE) == 0
    monkeypatch.undo()
    assert await stores.following.repair(AT_ONCE) == 1


async def test_a_repair_that_has_no_more_time_leaves_the_rest_for_the_next(
    stores: Stores, database: AsyncIOMotorDatabase[Document]
) -> None:
    await killed_after(stores.following, 2, a_follow(uuid4(), await a_business(stores)))
    assert await stores.following.repair(AT_ONCE, within_s=-1) == 0
    assert await unsettled(database) == 1
    assert await stores.following.repair(AT_ONCE) == 1


async def test_only_old_changes_of_a_user_are_unsettled(
    stores: Stores, database: AsyncIOMotorDatabase[Document]
) -> None:
    user_id = uuid4()
    changes = FollowChanges(database)
    now = PositionClock().store_now()
    first, second = await a_business(stores), await a_business(stores)
    (old,) = await changes.begin([a_follow(user_id, first)], at=now - timedelta(hours=1))
    (new,) = await changes.begin([a_follow(user_id, second)], at=now)
    assert isinstance(old, FollowChange)
    assert isinstance(new, FollowChange)
    stale = await changes.unsettled(before=now - timedelta(minutes=1))
    assert [(each.token, each.revision) for each in stale] == [(old.token, new.revision)]
    assert await changes.settling_tokens(second) == {new.token}
    await changes.settled([old])
    await changes.settled([new])
    assert await changes.settling_tokens(second) == set()
