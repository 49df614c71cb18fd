"""Somebody reviews a business, and its owner is told: once, whatever comes first."""

from __future__ import annotations

from uuid import uuid4

import pytest

from server.service import Service
from tests.support.world import World, event, eventually, review


async def test_a_review_arrives_in_the_inbox_and_on_the_socket_of_the_owner(world: World) -> None:
    shop = await world.shop()
    reviewer = await world.person(name="Naledi")
    socket = await world.connect(shop.owner)
    data = review(shop.id, reviewer.id, rating=5, comment="Lovely <b>bread</b>")
    answer = await world.event("review.created", data)
    assert answer.status == 202
    told = await socket.notified()
    assert told["notification_type"] == "review_received"
    assert told["title"] == "New review for Mario's"
    assert told["message"] == "Mario's got 5 stars. “Lovely <b>bread</b>”"
    assert told["data"] == {
        "review_id": data["review_id"],
        "business_id": str(shop.id),
        "reviewer_id": str(reviewer.id),
        "rating": 5,
    }
    assert told["unread_count"] == 1
    (listed,) = await world.told(shop.owner)
    assert listed["id"] == told["notification_id"]
    assert listed["sender"] == {
        "id": str(reviewer.id),
        "name": "Naledi",
        "user_type": "customer",
    }
    assert listed["business"]["name"] == "Mario's"
    assert (await world.inbox(reviewer))["count"] == 0


async def test_the_same_review_again_tells_nobody_again(world: World) -> None:
    shop = await world.shop()
    socket = await world.connect(shop.owner)
    one = event("review.created", review(shop.id, uuid4()))
    assert (await world.events([one, one])).body == {"accepted": 1, "duplicates": 1}
    await socket.notified()
    assert (await world.events([one])).body == {"accepted": 0, "duplicates": 1}
    await socket.nothing_more()
    await world.told(shop.owner, 1)


async def test_reviews_of_one_batch_go_each_to_the_owner_of_their_business(world: World) -> None:
    shops = [await world.shop() for _ in range(3)]
    reviews = [
        event("review.created", review(shop.id, uuid4(), rating=rating))
        for shop in shops
        for rating in (1, 2)
    ]
    assert (await world.events(reviews)).body["accepted"] == 6
    for shop in shops:
        told = await world.told(shop.owner, 2)
        assert {row["data"]["rating"] for row in told} == {1, 2}
        assert {row["data"]["business_id"] for row in told} == {str(shop.id)}
        assert {row["message"] for row in told} == {"Mario's got 1 star.", "Mario's got 2 stars."}


@pytest.mark.timeout(seconds=300)
async def test_a_review_that_comes_before_its_business_is_told_of_when_that_is_known(
    world: World, service: Service
) -> None:
    owner = await world.person("provider")
    business_id = uuid4()
    await world.event("review.created", review(business_id, uuid4()))

    async def was_put_off() -> bool:
        return bool(await service.stores.events._events.count({"error": "BusinessNotFound"}))

    await eventually(was_put_off)
    # Not known by its owner yet.
    await world.event("business.updated", {"id": str(business_id), "name": "Late"})
    await world.event(
        "business.created", {"id": str(business_id), "owner_id": str(owner.id), "name": "Late"}
    )

    async def is_told() -> bool:
        return bool((await world.inbox(owner))["count"])

    await eventually(is_told, within_s=120.0)
    (told,) = await world.told(owner)
    assert told["title"] == "New review for Late"
