from __future__ import annotations

import time
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from storage.bus_members import MEMBER_FOR_MS, MEMBERS, BusMembers
from storage.bus_streams import STREAM_FOR_MS, stream_key
from storage.redis import RedisStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def members(redis_url: str) -> AsyncIterator[BusMembers]:
    redis = RedisStore(redis_url)
    async with redis.call() as client:
        await client.delete(MEMBERS)
    yield BusMembers(redis)
    await redis.close()


async def test_each_sees_the_others_and_when_they_showed_themselves_last(
    members: BusMembers,
) -> None:
    first = await members.beat("a#1")
    assert (first.was_member, first.others) == (False, {})
    second = await members.beat("b#1")
    assert second.others == {"a#1": first.until}
    again = await members.beat("a#1")
    assert again.was_member
    assert again.until >= first.until
    assert again.until - time.time() * 1000 <= MEMBER_FOR_MS
    await members.leave("b#1")
    assert (await members.beat("a#1")).others == {}


async def test_one_that_was_silent_for_too_long_is_no_member_and_learns_it(
    members: BusMembers, redis_url: str
) -> None:
    await members.beat("a#1")
    async with Redis.from_url(redis_url) as redis:
        await redis.zadd(MEMBERS, {"a#1": time.time() * 1000 - 1})
    assert (await members.beat("b#1")).others == {}
    assert not (await members.beat("a#1")).was_member


async def test_a_beat_says_what_the_clock_of_redis_shows(
    members: BusMembers, redis_url: str
) -> None:
    async with Redis.from_url(redis_url) as redis:
        before = await redis.time()
        beat = await members.beat("a#1")
        after = await redis.time()
    before_us, after_us = (seconds * 1_000_000 + beyond for seconds, beyond in (before, after))
    # Servers may take the time once for all that they do in a turn of their loop.
    assert before_us - 1_000 <= beat.shown_us <= after_us


async def test_a_beat_keeps_the_stream(members: BusMembers, redis_url: str) -> None:
    process = f"{uuid4()}#1"
    async with Redis.from_url(redis_url) as redis:
        await redis.xadd(stream_key(process), {"text": "kept"})
        await members.beat(process)
        assert 0 < await redis.pttl(stream_key(process)) <= STREAM_FOR_MS
