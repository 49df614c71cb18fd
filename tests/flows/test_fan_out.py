"""Who a fan-out reaches: those who follow at acceptance and still do when their turn comes."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest

from rules.ids import event_key
from server.service import Service
from storage.events import NewEvent
from storage.filing import unfiled
from tests.support.api import PLATFORM
from tests.support.seed import seed_followers
from tests.support.sockets import Socket
from tests.support.world import Shop, World, event, eventually, listing

SOCKETS = 1_000


async def accept_unowned(service: Service, shop: Shop, name: str) -> None:
    """Accept a listing that no lane has room for; the claimer takes it within seconds."""
    event_id = str(uuid4())
    new = NewEvent(
        key=event_key(PLATFORM, event_id),
        sender=PLATFORM,
        event_id=event_id,
        type="listing.created",
        occurred_at=service.clock.store_now(),
        data=listing(shop.id, name),
        lane="fan_out",
    )
    await service.stores.events.accept([new], accepted_at=service.clock.store_now())


async def test_follows_that_change_between_acceptance_and_turn(
    world: World, service: Service
) -> None:
    shop = await world.shop()
    stays, leaves, comes_back, never_left = [await world.follower(shop) for _ in range(4)]
    joins = await world.person()
    await world.unfollow(comes_back, shop)
    await world.follow(comes_back, shop)
    await accept_unowned(service, shop, "In between")
    await world.unfollow(leaves, shop)
    await world.follow(joins, shop)
    await world.unfollow(comes_back, shop)
    restored = await world.follow(comes_back, shop)
    assert restored.body["created"] is False
    for person in (stays, comes_back, never_left):
        await world.told(person)
    for person in (leaves, joins):
        assert (await world.inbox(person))["count"] == 0


async def test_who_had_left_before_acceptance_and_comes_back_after_is_not_told(
    world: World, service: Service
) -> None:
    shop = await world.shop()
    stays, away = [await world.follower(shop) for _ in range(2)]
    await world.unfollow(away, shop)
    await accept_unowned(service, shop, "While away")
    await world.follow(away, shop)
    await world.told(stays)
    assert (await world.inbox(away))["count"] == 0


async def test_the_same_event_twice_tells_once(world: World) -> None:
    shop = await world.shop()
    person = await world.follower(shop)
    posted = event("listing.created", listing(shop.id))
    first = await world.events([posted, posted])
    assert first.body == {"accepted": 1, "duplicates": 1}
    again = await world.events([posted])
    assert again.body == {"accepted": 0, "duplicates": 1}
    await world.post_listing(shop, "Another")
    await world.told(person, 2)


async def test_a_listing_of_an_unknown_business_is_accepted_and_tells_nobody(
    world: World, service: Service
) -> None:
    answer = await world.event("listing.created", listing(uuid4()))
    assert answer.body == {"accepted": 1, "duplicates": 0}

    async def is_done() -> bool:
        return await service.stores.events.pending_count() == 0

    await eventually(is_done)


async def test_a_listing_of_a_business_without_followers_is_done_at_once(
    world: World, service: Service
) -> None:
    shop = await world.shop()
    await world.post_listing(shop)

    async def is_done() -> bool:
        return await service.stores.events.pending_count() == 0

    await eventually(is_done)


async def test_preferences_keep_a_listing_out_of_the_inbox_and_say_why(
    world: World, service: Service
) -> None:
    shop = await world.shop()
    muted, told = await world.follower(shop), await world.follower(shop)
    await world.prefer(muted, muted_businesses=[str(shop.id)])
    socket = await world.connect(muted)
    await world.post_listing(shop)
    await world.told(told)
    assert (await world.inbox(muted))["count"] == 0
    await socket.nothing_more()
    (row,) = await service.stores.notifications._rows.find(
        {"recipient_id": muted.id, "kind": "new_listing"}
    )
    assert row["in_app"] is False
    assert unfiled(row["channels"]) == {
        channel: {"status": "suppressed", "reason": "muted_businesses"}
        for channel in ("in_app", "email", "push")
    }


@pytest.mark.timeout(seconds=300)
async def test_a_thousand_sockets_get_a_listing_with_none_lost_or_repeated(
    world: World, service: Service, mongodb_uri: str, database_name: str
) -> None:
    shop = await world.shop()
    followers = seed_followers(mongodb_uri, database_name, shop.id, SOCKETS)
    sockets: list[Socket] = []
    for start in range(0, SOCKETS, 100):
        sockets += await asyncio.gather(
            *(world.connect_as(user_id) for user_id in followers[start : start + 100])
        )
    listing_id = await world.post_listing(shop, "For all")
    told = [await socket.notified() for socket in sockets]
    assert {data["data"]["listing_id"] for data in told} == {listing_id}
    assert len({data["notification_id"] for data in told}) == SOCKETS

    async def is_done() -> bool:
        return await service.stores.events.pending_count() == 0

    await eventually(is_done)
    await asyncio.gather(*(socket.ponged() for socket in sockets))
