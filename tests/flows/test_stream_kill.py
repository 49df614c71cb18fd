"""A server killed between making an event of the stream durable and saying so loses nothing."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from storage.event_stream import STREAM
from tests.flows.rows import Rows
from tests.support.api import Api
from tests.support.crashing import ACCEPT
from tests.support.processes import ServerProcess
from tests.support.world import World, event, eventually, listing

KILLED = -9


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    client = Redis.from_url(redis_url)
    yield client
    await client.aclose()


@pytest.fixture
async def world(process: ServerProcess) -> AsyncIterator[World]:
    api = Api(process.base_url)
    yield World(api)
    api.close()


async def held(redis: Redis) -> int:
    (group,) = await redis.xinfo_groups(STREAM)
    return int(group["pending"])


@pytest.mark.timeout(seconds=300)
async def test_an_event_is_carried_out_once_when_its_reader_dies_before_acknowledging(
    process: ServerProcess, world: World, redis: Redis, rows: Rows
) -> None:
    await process.start_mortal()
    shop = await world.shop()
    follower = await world.follower(shop)
    await rows.settled()

    process.crash(ACCEPT)
    for name in ("First", "Second"):
        posted = event("listing.created", listing(shop.id, name))
        await redis.xadd(STREAM, {"event": json.dumps(posted)})
    assert await process.killed() == KILLED
    assert await held(redis) >= 1
    assert await redis.xlen(STREAM) == 2

    await process.start()
    told = await world.told(follower, 2)

    async def all_is_done() -> bool:
        return await held(redis) == 0 == await redis.xlen(STREAM)

    await eventually(all_is_done)
    await world.post_listing(shop, "Third")
    told = await world.told(follower, 3)
    assert sorted(row["data"]["listing_name"] for row in told) == ["First", "Second", "Third"]
