"""Ask everything that a server process needs whether it is there."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from typing import Any

import redis.asyncio
from motor.motor_asyncio import AsyncIOMotorDatabase
from redis.exceptions import RedisError

from storage.client import StoreUnavailable, driver_of, store_call
from storage.positions import PositionClock
from storage.redis import RedisStore, RedisUnavailable

CHECK_WITHIN_S = 2.0

OK = "ok"


class Readiness:
    """Checks database, clock, bus and queue, each within two seconds and all at once."""

    def __init__(
        self,
        database: AsyncIOMotorDatabase[dict[str, Any]],
        clock: PositionClock,
        bus: RedisStore,
        queue: redis.asyncio.Redis,
    ) -> None:
        self._database = database
        self._clock = clock
        self._bus = bus
        self._queue = queue

    async def check(self) -> Mapping[str, str]:
        """Return `{"database"|"clock"|"bus"|"queue": "ok" or what is wrong}`."""
        database, bus, queue = await asyncio.gather(
            self._check_database(), self._check_bus(), _ping(self._queue.ping())
        )
        clock = OK if self._clock.is_trusted else f"{self._clock.offset_s:+.1f} s off the store's"
        return {"database": database, "clock": clock, "bus": bus, "queue": queue}

    async def _check_database(self) -> str:
        try:
            async with store_call(CHECK_WITHIN_S):
                await driver_of(self._database).command("ping")
        except StoreUnavailable as error:
            return f"away: {error.reason}"
        return OK

    async def _check_bus(self) -> str:
        try:
            async with self._bus.call(CHECK_WITHIN_S) as client:
                await client.ping()
        except RedisUnavailable as error:
            return f"away: {error.reason}"
        return OK


async def _ping(reply: Awaitable[Any]) -> str:
    try:
        async with asyncio.timeout(CHECK_WITHIN_S):
            await reply
    except (RedisError, OSError, TimeoutError) as error:
        return f"away: {type(error).__name__}"
    return OK
