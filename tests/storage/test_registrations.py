from __future__ import annotations

import time
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from storage.redis import RedisStore, tagged_key
from storage.registrations import REGISTERED_FOR_S, Registrations

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def registrations(redis_url: str) -> AsyncIterator[Registrations]:
    redis = RedisStore(redis_url)
    yield Registrations(redis)
    await redis.close()


async def test_a_user_is_found_with_each_process_until_it_is_removed(
    registrations: Registrations,
) -> None:
    users = [uuid4() for _ in range(200)]
    await registrations.add("a#1", users)
    await registrations.add("b#1", users[:1])
    assert await registrations.find([*users, uuid4()]) == {"a#1": set(users), "b#1": {users[0]}}
    await registrations.remove("a#1", users[:1])
    assert await registrations.find(users[:2]) == {"a#1": {users[1]}, "b#1": {users[0]}}
    assert await registrations.find([]) == {}


async def test_one_that_has_expired_is_not_found_and_is_swept_by_the_next(
    registrations: Registrations, redis_url: str
) -> None:
    user_id = uuid4()
    key = tagged_key("bus", user_id)
    async with Redis.from_url(redis_url) as redis:
        await redis.zadd(key, {"dead#1": time.time() * 1000 - 1})
        assert await registrations.find([user_id]) == {}
        await registrations.add("alive#1", [user_id])
        assert await redis.zrange(key, 0, -1) == [b"alive#1"]
        assert 0 < await redis.ttl(key) <= REGISTERED_FOR_S
