"""Server processes beside one another: whichever is killed, nobody misses or repeats anything."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial

import pytest

from tests.support.api import Api
from tests.support.client import Client
from tests.support.processes import ServerProcess, server_process
from tests.support.world import World, eventually


@pytest.fixture
async def pair(
    mongodb_uri: str, redis_url: str, database_name: str
) -> AsyncIterator[tuple[ServerProcess, ServerProcess]]:
    async with (
        server_process(mongodb_uri, redis_url, database_name, SNB_INSTANCE="left") as left,
        server_process(mongodb_uri, redis_url, database_name, SNB_INSTANCE="right") as right,
    ):
        await asyncio.gather(left.start(), right.start())
        yield left, right


@pytest.fixture
async def world(pair: tuple[ServerProcess, ServerProcess]) -> AsyncIterator[World]:
    """Make things happen on the left."""
    api = Api(pair[0].base_url)
    made = World(api, sockets_at=pair[1].base_url)
    yield made
    made.close()
    api.close()


async def _has(client: Client, count: int) -> bool:
    return len(client.seen) == count


@pytest.mark.timeout(seconds=300)
async def test_whichever_process_is_killed_a_client_ends_with_everything_once(
    pair: tuple[ServerProcess, ServerProcess], world: World
) -> None:
    left, right = pair
    shop = await world.shop()
    person = await world.follower(shop)
    client = Client(right.base_url, person.token)
    await world.post_listing(shop, "Across")
    await eventually(partial(_has, client, 1))

    # The one that has just accepted something, while the client is on the other.
    await world.post_listing(shop, "Before the kill")
    left.kill()
    await left.start()
    await eventually(partial(_has, client, 2))

    # The one that the client is on: it goes over to the other, and back.
    client.base_url = left.base_url
    right.kill()
    await world.post_listing(shop, "While one is down")
    await eventually(partial(_has, client, 3))
    await right.start()
    client.base_url = right.base_url
    client.cut()
    await world.post_listing(shop, "Across again")
    await eventually(partial(_has, client, 4))

    listed = await world.told(person, 4)
    assert client.in_order() == [row["id"] for row in reversed(listed)]
    assert client.announced_again == []
    assert client.last_unread_count == 4
    await client.stop()


async def test_reads_over_rest_on_one_process_are_seen_on_the_other(
    pair: tuple[ServerProcess, ServerProcess], world: World
) -> None:
    shop = await world.shop()
    person = await world.follower(shop)
    socket = await world.connect(person)
    ids = []
    for _ in range(3):
        await world.post_listing(shop)
        ids.append((await socket.notified())["notification_id"])
    mark_read = "/api/notifications/mark-read/"
    await world.api.post(mark_read, person.token, {"notification_ids": ids[:1]})
    read = await socket.expect("notification.read")
    assert read["data"] == {"notification_id": ids[0], "unread_count": 2}
    await world.api.delete(f"/api/notifications/{ids[1]}/delete/", person.token)
    deleted = await socket.expect("notification.deleted")
    assert deleted["data"] == {"notification_id": ids[1], "unread_count": 1}
    await world.api.post("/api/notifications/mark-all-read/", person.token)
    everything = await socket.expect("notifications.bulk_read")
    assert everything["data"] == {"marked_count": 1, "unread_count": 0}
