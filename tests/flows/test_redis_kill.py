"""The embedded Redis is killed and started again: it has all that it was told."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from storage.event_stream import GROUP, STREAM
from tests.support.api import Api
from tests.support.own_redis import own_redis
from tests.support.service import running
from tests.support.world import World, event, eventually, listing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

LIMITS = json.dumps({"anonymous_per_hour": 2})
"""An hour, which no machine is slow enough to let pass."""


@asynccontextmanager
async def served(mongodb_uri: str, redis_url: str, database: str) -> AsyncIterator[World]:
    async with running(mongodb_uri, redis_url, database, SNB_RATE_LIMITS=LIMITS) as service:
        api = Api(service.settings.public_url)
        yield World(api)
        api.close()


async def statuses_of_nobody(world: World, times: int) -> list[int]:
    return [(await world.api.get("/api/devices/")).status for _ in range(times)]


@pytest.mark.timeout(seconds=300)
async def test_what_nobody_had_read_is_carried_out_once_and_limits_hold(
    mongodb_uri: str, database_name: str, tmp_path: Path
) -> None:
    with own_redis(tmp_path / "redis") as store:
        async with Redis.from_url(store.url, retry=Retry(NoBackoff(), 3)) as redis:

            async def put_listings(*names: str) -> None:
                for name in names:
                    posted = event("listing.created", listing(shop.id, name))
                    # The same again: what was put twice was meant once.
                    for _ in range(2):
                        await redis.xadd(STREAM, {"event": json.dumps(posted)})

            async def is_read() -> bool:
                return await redis.exists(STREAM) == 1

            async def all_is_done() -> bool:
                return await redis.xlen(STREAM) == 0

            async with served(mongodb_uri, store.url, database_name) as world:
                shop = await world.shop()
                follower = await world.follower(shop)
                assert await statuses_of_nobody(world, 3) == [401, 401, 429]
                await eventually(is_read)
            await put_listings("First", "Second")
            # As somebody held it who is gone.
            await redis.xreadgroup(GROUP, "test:server", {STREAM: ">"}, count=1)
            store.die()
            store.start()
            async with served(mongodb_uri, store.url, database_name) as world:
                assert await statuses_of_nobody(world, 1) == [429]
                await world.told(follower, 2)
                store.die()
                store.start()
                await put_listings("Third")
                told = await world.told(follower, 3)
                await eventually(all_is_done)
                assert (await world.inbox(follower))["count"] == 3
            assert sorted(row["data"]["listing_name"] for row in told) == [
                "First",
                "Second",
                "Third",
            ]
