"""A server killed at any moment loses nothing and tells nobody twice."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from uuid import uuid4

import pytest

from actors.small_fan_outs import MOST_TOLD
from tests.flows.rows import Rows
from tests.support.api import Api, token
from tests.support.client import Client
from tests.support.crashing import CURSOR, STEPS
from tests.support.processes import ServerProcess
from tests.support.seed import seed_followers
from tests.support.world import Person, World, eventually, review

FOLLOWERS = 2_000
TOO_MANY_TO_BE_FEW = MOST_TOLD + 20
KILLED = -9


@pytest.fixture
async def world(mortal: ServerProcess) -> AsyncIterator[World]:
    api = Api(mortal.base_url)
    yield World(api)
    api.close()


@pytest.mark.timeout(seconds=300)
async def test_a_fan_out_killed_in_the_middle_reaches_each_follower_once(
    mortal: ServerProcess,
    world: World,
    rows: Rows,
    mongodb_uri: str,
    database_name: str,
) -> None:
    await mortal.start_mortal()
    shop = await world.shop()
    followers = seed_followers(mongodb_uri, database_name, shop.id, FOLLOWERS)
    await world.post_listing(shop)

    async def has_begun() -> bool:
        return rows.count(shop.id) > 0

    await eventually(has_begun)
    mortal.kill()
    assert 0 < rows.count(shop.id) < FOLLOWERS

    await mortal.start_mortal()

    await rows.settled(within_s=120.0)
    assert sorted(rows.recipients(shop.id)) == sorted(followers)
    one = Person(followers[0], token(followers[0]))
    assert (await world.inbox(one))["count"] == 1


@pytest.mark.timeout(seconds=300)
@pytest.mark.parametrize(
    ("step", "others"),
    [
        *((step, 0) for step in STEPS),
        *((step, TOO_MANY_TO_BE_FEW) for step in ("insert", CURSOR)),
    ],
)
async def test_a_kill_after_any_step_of_a_batch_tells_each_connected_client_once(
    step: str,
    others: int,
    mortal: ServerProcess,
    world: World,
    rows: Rows,
    mongodb_uri: str,
    database_name: str,
) -> None:
    await mortal.start_mortal()
    shop = await world.shop()
    seed_followers(mongodb_uri, database_name, shop.id, others)
    people = [await world.follower(shop) for _ in range(3)]
    for person in people:
        # At night nothing would be queued, and no step of the queue be reached.
        await world.prefer(person, quiet_hours={"enabled": False})
    await world.post_listing(shop, "Before")
    for person in people:
        await world.told(person)
    await rows.settled()

    mortal.crash(step)
    clients = [Client(mortal.base_url, person.token) for person in people]
    for client in clients:
        await eventually(partial(_has, client, 1))
    await world.post_listing(shop, "Crash")
    assert await mortal.killed() == KILLED

    await mortal.start_mortal()
    await rows.settled()
    for person, client in zip(people, clients, strict=True):
        await eventually(partial(_has, client, 2))
        listed = (await world.inbox(person))["results"]
        assert client.in_order() == [row["id"] for row in reversed(listed)]
        assert client.announced_again == []
        assert client.last_unread_count == 2
        await client.stop()


@pytest.mark.timeout(seconds=300)
@pytest.mark.parametrize("step", ["insert", "deliver", "queue", "finish"])
async def test_a_kill_after_any_step_tells_one_recipient_once(
    step: str, mortal: ServerProcess, world: World, rows: Rows
) -> None:
    await mortal.start_mortal()
    shop = await world.shop()
    await world.prefer(shop.owner, quiet_hours={"enabled": False})
    await world.event("review.created", review(shop.id, uuid4()))
    await world.told(shop.owner)
    await rows.settled()

    mortal.crash(step)
    client = Client(mortal.base_url, shop.owner.token)
    await eventually(partial(_has, client, 1))
    await world.event("review.created", review(shop.id, uuid4()))
    assert await mortal.killed() == KILLED

    await mortal.start_mortal()
    await rows.settled()
    await eventually(partial(_has, client, 2))
    listed = (await world.inbox(shop.owner))["results"]
    assert client.in_order() == [row["id"] for row in reversed(listed)]
    assert client.announced_again == []
    assert client.last_unread_count == 2
    await client.stop()


async def _has(client: Client, count: int) -> bool:
    return len(client.seen) >= count
