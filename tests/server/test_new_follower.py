"""`business.new_follower` on the owner's socket (contract section 4)."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

from server.service import Service
from storage.businesses import BusinessChange
from tests.support.world import World


async def test_an_owner_hears_who_follows_first_and_again(world: World) -> None:
    shop = await world.shop()
    person = await world.person("ngo", name="Food Forward")
    socket = await world.connect(shop.owner)
    stranger = await world.connect(await world.person())
    await world.follow(person, shop)
    told = {
        "follower": {"id": str(person.id), "name": "Food Forward", "user_type": "ngo"},
        "total_followers": 1,
    }
    assert (await socket.expect("business.new_follower"))["data"] == told
    await world.follower(shop)
    assert (await socket.expect("business.new_follower"))["data"]["total_followers"] == 2
    await world.unfollow(person, shop)
    await world.follow(person, shop)
    assert (await socket.expect("business.new_follower"))["data"] == told | {"total_followers": 2}
    for each in (socket, stranger):
        await each.nothing_more()
        each.close()


async def test_a_follow_that_is_refused_is_told_to_nobody(world: World) -> None:
    shop = await world.shop()
    person = await world.follower(shop)
    socket = await world.connect(shop.owner)
    again = await world.api.post("/api/follow/", person.token, {"business_id": str(shop.id)})
    assert again.status == 409
    await socket.nothing_more()
    socket.close()


async def test_a_business_whose_owner_is_not_known_yet_can_be_followed(
    world: World, service: Service
) -> None:
    business_id = uuid4()
    await service.stores.businesses.apply(
        [BusinessChange(business_id, {"name": "Early"}, datetime.now(UTC))]
    )
    person = await world.person()
    answer = await world.api.post("/api/follow/", person.token, {"business_id": str(business_id)})
    assert answer.status == 201
