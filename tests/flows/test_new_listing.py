"""A business posts a listing, and its followers are told: the main job, end to end."""

from __future__ import annotations

import pytest

from server.service import Service
from tests.support.world import World


@pytest.fixture(params=[1, 2], ids=["one process", "two processes"])
def sockets_at(request: pytest.FixtureRequest, service: Service, sockets_at: str) -> str:
    """Return where sockets connect: to the process that is called, or to another one."""
    return service.settings.public_url if request.param == 1 else sockets_at


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
