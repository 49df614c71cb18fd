"""What somebody prefers counts from the next gate on, wherever they are and whoever asks."""

from __future__ import annotations

from typing import Any

from server.service import Service
from tests.support.api import Api
from tests.support.service import running
from tests.support.world import Person, World

DELIVERED = {"status": "delivered"}
MUTED = {"status": "suppressed", "reason": "mute_all"}


async def in_app_states(world: World, service: Service, person: Person, count: int) -> list[Any]:
    """Wait until `person` has `count` rows, and return what became of them, oldest first."""

    async def all_there() -> list[dict[str, Any]]:
        found = await service.stores.notifications._rows.find(
            {"recipient_id": person.id, "kind": "new_listing"}, sort=[("created_at", 1)]
        )
        return found if len(found) == count else []

    return [row["channels"]["in_app"] for row in await world.eventually(all_there)]


async def test_a_change_counts_at_once_for_somebody_who_is_connected(
    world: World, service: Service
) -> None:
    shop = await world.shop()
    person = await world.follower(shop)
    socket = await world.connect(person)
    await world.post_listing(shop, "Before")
    assert (await socket.notified())["title"].startswith("Before")
    await world.prefer(person, mute_all=True)
    await world.post_listing(shop, "Muted")
    assert await in_app_states(world, service, person, 2) == [DELIVERED, MUTED]
    await socket.nothing_more()
    await world.prefer(person, mute_all=False)
    await world.post_listing(shop, "After")
    after = await socket.notified()
    assert after["title"].startswith("After")
    assert after["unread_count"] == 2


async def test_a_change_counts_at_once_on_another_process(
    world: World, service: Service, mongodb_uri: str, redis_url: str, database_name: str
) -> None:
    async with running(mongodb_uri, redis_url, database_name, SNB_INSTANCE="test:other") as other:
        elsewhere = World(Api(other.settings.public_url))
        shop = await world.shop()
        person = await world.follower(shop)
        states: list[Any] = []
        for is_muted in (True, False, True):
            await world.prefer(person, mute_all=is_muted)
            await elsewhere.post_listing(shop)
            states.append(MUTED if is_muted else DELIVERED)
            assert await in_app_states(world, other, person, len(states)) == states
        elsewhere.api.close()
