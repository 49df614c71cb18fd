"""A business posts a listing, and its followers are told: the main job, end to end."""

from __future__ import annotations

from tests.support.world import World


async def test_a_listing_arrives_at_a_connected_follower(world: World) -> None:
    shop = await world.shop()
    person = await world.follower(shop)
    socket = await world.connect(person)
    listing_id = await world.post_listing(shop, "Margherita")
    told = await socket.notified()
    assert told["notification_type"] == "new_listing"
    assert told["data"]["listing_id"] == listing_id
    assert told["unread_count"] == 1
    (listed,) = await world.told(person)
    assert listed["id"] == told["notification_id"]
    assert listed["created_at"] == told["created_at"]
    socket.close()
