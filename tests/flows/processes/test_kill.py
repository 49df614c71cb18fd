"""What a killed server process had is carried out by the others, once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from tests.flows.processes.conftest import Scene
from tests.flows.rows import Rows
from tests.support.client import Client
from tests.support.processes import ServerProcess
from tests.support.seed import seed_followers
from tests.support.world import eventually

FOLLOWERS = 800
SCHEDULES = 40
"""Fewer than a customer may have in a day."""

SOON = timedelta(seconds=10)
"""Longer than as many sends take on the busiest of machines."""


@pytest.fixture(scope="module")
def program() -> tuple[str, ...]:
    return ("-m", "tests.support.vigilant")


async def _has(client: Client, count: int) -> bool:
    return len(client.seen) == count


@pytest.mark.timeout(seconds=120)
async def test_the_others_go_on_where_a_killed_one_stopped(
    scene: Scene,
    processes: list[ServerProcess],
    rows: Rows,
    mongodb_uri: str,
    database_name: str,
) -> None:
    """A fan-out in the middle, plans that fall due, and clients that were connected to it."""
    victim, *others = processes
    world = scene.world
    shop = await world.shop()
    people = [await world.follower(shop) for _ in range(6)]
    clients = [
        Client(processes[number % 3].base_url, person.token) for number, person in enumerate(people)
    ]
    await world.post_listing(shop, "Before")
    for client in clients:
        await eventually(partial(_has, client, 1))
    await rows.settled()
    seeded = seed_followers(mongodb_uri, database_name, shop.id, FOLLOWERS)
    at = (datetime.now(UTC) + SOON).isoformat()
    planned = [await world.send(people[0], send_at=at) for _ in range(SCHEDULES)]
    assert {answer.status for answer in planned} == {202}
    before = rows.count(shop.id)
    await world.post_listing(shop, "In the middle")

    async def has_begun() -> bool:
        return rows.count(shop.id) > before

    await eventually(has_begun)
    victim.kill()
    assert rows.count(shop.id) < before + FOLLOWERS + len(people)
    for number, client in enumerate(clients):
        client.base_url = others[number % 2].base_url

    await rows.settled(within_s=90.0)
    known = [person.id for person in people]
    assert sorted(rows.recipients(shop.id)) == sorted([*known, *known, *seeded])
    await eventually(partial(_has, clients[0], 2 + SCHEDULES))
    for client in clients[1:]:
        await eventually(partial(_has, client, 2))
    for client in clients:
        assert client.announced_again == []
        await client.stop()
    assert clients[0].last_unread_count == 2 + SCHEDULES
