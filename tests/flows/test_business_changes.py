"""A changed business: its profile is stored, and its followers hear what is new, once."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from redis.asyncio import Redis

from storage.event_stream import STREAM
from tests.flows.rows import Rows
from tests.support.api import Api
from tests.support.crashing import NEWS, PROFILE
from tests.support.processes import ServerProcess
from tests.support.world import Shop, World, event

KILLED = -9
HOUR = timedelta(hours=1)


async def update(world: World, shop: Shop, **fields: Any) -> None:
    answer = await world.event("business.updated", {"id": str(shop.id), **fields})
    assert answer.status == 202, answer.body


async def test_followers_hear_what_is_new_and_see_it(world: World) -> None:
    shop = await world.shop(name="Mario's")
    follower, other = await world.follower(shop), await world.person()
    socket = await world.connect(follower)
    await update(world, shop, name="Luigi's", address="2 Long Street")
    announced = await socket.notified()
    (told,) = await world.told(follower)
    assert announced["notification_id"] == told["id"]
    assert told["notification_type"] == "business_update"
    assert told["title"] == "News from Luigi's"
    assert told["message"] == "Mario's is now Luigi's. You find Luigi's at 2 Long Street."
    assert told["business"]["name"] == "Luigi's"
    assert (await world.inbox(other))["count"] == 0


async def test_what_changes_nothing_and_what_is_older_is_told_to_nobody(world: World) -> None:
    shop = await world.shop(name="Mario's", rating=4.5)
    follower = await world.follower(shop)
    long_ago = (datetime.now(UTC) - HOUR).isoformat()
    quiet: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({"name": "Mario's", "rating": 4.51}, {}),
        ({"name": "Older"}, {"occurred_at": long_ago}),
        ({"owner_id": str(follower.id)}, {}),
    ]
    for fields, envelope in quiet:
        data = {"id": str(shop.id), **fields}
        assert (await world.event("business.updated", data, **envelope)).status == 202
    await update(world, shop, address="2 Long Street")
    (told,) = await world.told(follower)
    assert told["title"] == "Mario's has a new address"


async def test_the_updates_of_one_batch_are_compared_with_each_other(world: World) -> None:
    shop = await world.shop(name="Mario's")
    follower = await world.follower(shop)
    said: list[dict[str, Any]] = [{"name": "Luigi's"}, {"name": "Luigi's"}, {"rating": 5}]
    batch = [event("business.updated", {"id": str(shop.id), **fields}) for fields in said]
    assert (await world.events(batch)).status == 202
    told = await world.told(follower, 2)
    assert {row["title"] for row in told} == {
        "Mario's is now Luigi's",
        "Luigi's has a new rating",
    }


async def test_the_same_update_twice_is_told_once(world: World) -> None:
    shop = await world.shop(name="Mario's")
    follower = await world.follower(shop)
    posted = event("business.updated", {"id": str(shop.id), "name": "Luigi's"})
    for _ in range(2):
        assert (await world.events([posted])).status == 202
    await update(world, shop, address="2 Long Street")
    assert len(await world.told(follower, 2)) == 2


@pytest.mark.timeout(seconds=300)
@pytest.mark.parametrize("step", [NEWS, PROFILE])
async def test_a_kill_between_telling_and_storing_tells_once_and_stores(
    step: str, process: ServerProcess, redis_url: str, rows: Rows
) -> None:
    api = Api(process.base_url)
    world = World(api)
    await process.start_mortal()
    shop = await world.shop(name="Mario's")
    follower = await world.follower(shop)
    await rows.settled()

    process.crash(step)
    said = event("business.updated", {"id": str(shop.id), "name": "Luigi's"})
    # By the stream, because a request would not be answered.
    redis = Redis.from_url(redis_url)
    await redis.xadd(STREAM, {"event": json.dumps(said)})
    await redis.aclose()
    assert await process.killed() == KILLED

    await process.start()
    (told,) = await world.told(follower)
    assert (told["title"], told["business"]["name"]) == ("Mario's is now Luigi's", "Luigi's")
    await world.post_listing(shop)
    assert len(await world.told(follower, 2)) == 2
    api.close()
