"""The stream `snb:events` while a store is away, and when the reader has to stop."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack

import pytest
from redis.asyncio import Redis

from server import stream_reader
from storage.embedded_redis import EmbeddedRedis
from storage.event_stream import GROUP, STREAM
from tests.support.api import Api
from tests.support.relay import directly, relayed
from tests.support.service import running
from tests.support.world import Shop, World, event, eventually, listing

NOT_AT_ONCE_S = 30.0


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run a Redis whose stream nobody else reads."""
    store = EmbeddedRedis(tmp_path_factory.mktemp("redis-of-the-stream"))
    yield store.start()
    store.stop()


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    client = Redis.from_url(redis_url)
    yield client
    await client.aclose()


async def put_listing(redis: Redis, shop: Shop, name: str) -> None:
    posted = event("listing.created", listing(shop.id, name))
    await redis.xadd(STREAM, {"event": json.dumps(posted)})


async def held(redis: Redis) -> int:
    (group,) = await redis.xinfo_groups(STREAM)
    return int(group["pending"])


async def world_of(stack: AsyncExitStack, public_url: str) -> World:
    api = Api(public_url)
    stack.callback(api.close)
    return World(api)


@pytest.mark.timeout(seconds=180)
async def test_a_redis_that_goes_away_is_read_again_when_it_is_back(
    mongodb_uri: str, redis_url: str, database_name: str, redis: Redis
) -> None:
    with relayed(redis_url) as relay:
        async with (
            AsyncExitStack() as stack,
            running(mongodb_uri, relay.url, database_name) as service,
        ):
            world = await world_of(stack, service.settings.public_url)
            shop = await world.shop()
            follower = await world.follower(shop)
            relay.vanish()
            await put_listing(redis, shop, "Meanwhile")
            relay.appear()
            await put_listing(redis, shop, "Afterwards")
            await world.told(follower, 2)


@pytest.mark.timeout(seconds=180)
async def test_while_the_database_is_away_entries_stay_and_none_is_lost(
    mongodb_uri: str, redis_url: str, database_name: str, redis: Redis
) -> None:
    with relayed(mongodb_uri) as store:
        async with (
            AsyncExitStack() as stack,
            running(directly(store.url), redis_url, database_name) as service,
        ):
            world = await world_of(stack, service.settings.public_url)
            shop = await world.shop()
            follower = await world.follower(shop)
            store.vanish()
            for number in range(3):
                await put_listing(redis, shop, f"Number {number}")

            async def is_in_hand() -> bool:
                return await held(redis) > 0

            await eventually(is_in_hand)
            assert await redis.xlen(STREAM) == 3
            store.appear()
            told = await eventually(lambda: world.told(follower, 3))
            assert {row["data"]["listing_name"] for row in told} == {
                f"Number {number}" for number in range(3)
            }

            async def all_is_done() -> bool:
                return await held(redis) == 0 == await redis.xlen(STREAM)

            await eventually(all_is_done)


async def test_a_process_that_stops_does_so_at_once_and_goes_off_the_list(
    mongodb_uri: str,
    redis_url: str,
    database_name: str,
    redis: Redis,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stream_reader, "STOP_WITHIN_S", NOT_AT_ONCE_S)
    async with running(mongodb_uri, redis_url, database_name):

        async def is_reading() -> bool:
            return len(await redis.xinfo_consumers(STREAM, GROUP)) == 1

        await eventually(is_reading)
        stopped_at = time.monotonic()
    assert time.monotonic() - stopped_at < NOT_AT_ONCE_S
    assert await redis.xinfo_consumers(STREAM, GROUP) == []
