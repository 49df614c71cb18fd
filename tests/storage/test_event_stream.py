from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pytest
from redis.exceptions import ResponseError

from storage.event_stream import GROUP, REJECTED, REJECTED_FOR, STREAM, Entry, EventStream, Rejected
from storage.redis import RedisStore, RedisUnavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

HERE, THERE = "here:8000", "there:8000"
NOT_LONG_S = 0.01


@pytest.fixture(params=["redis_url", "redis_cluster_url"])
async def redis(request: pytest.FixtureRequest) -> AsyncIterator[RedisStore]:
    """Reach a plain Redis, and a Cluster."""
    store = RedisStore(request.getfixturevalue(request.param))
    async with store.call() as client:
        for key in (STREAM, REJECTED):
            await client.delete(key)
    yield store
    await store.close()


async def put(redis: RedisStore, *texts: bytes) -> list[Any]:
    """Put an entry for each of `texts` on the stream; return their ids."""
    async with redis.call() as client:
        return [await client.xadd(STREAM, {"event": text}) for text in texts]


async def state(redis: RedisStore) -> tuple[int, int, set[bytes]]:
    """Return how many entries there are, how many are held, and who is on the group's list."""
    async with redis.call() as client:
        (group,) = await client.xinfo_groups(STREAM)
        consumers = {each["name"] for each in await client.xinfo_consumers(STREAM, GROUP)}
        return await client.xlen(STREAM), group["pending"], consumers


def texts(entries: list[Entry]) -> list[bytes]:
    return [entry.fields[b"event"] for entry in entries]


async def test_what_was_put_there_before_anybody_read_is_read(redis: RedisStore) -> None:
    ids = await put(redis, b"1", b"2", b"3")
    stream = EventStream(redis, HERE)
    assert await stream.read(limit=2, wait_s=NOT_LONG_S) == [
        Entry(ids[0], {b"event": b"1"}),
        Entry(ids[1], {b"event": b"2"}),
    ]
    assert texts(await stream.read(limit=2, wait_s=NOT_LONG_S)) == [b"3"]
    assert await stream.read(limit=2, wait_s=NOT_LONG_S) == []


async def test_two_consumers_share_what_there_is(redis: RedisStore) -> None:
    await put(redis, b"1", b"2")
    here, there = EventStream(redis, HERE), EventStream(redis, THERE)
    assert texts(await here.read(limit=1, wait_s=NOT_LONG_S)) == [b"1"]
    assert texts(await there.read(limit=9, wait_s=NOT_LONG_S)) == [b"2"]


async def test_what_is_not_done_with_is_held_across_a_restart(redis: RedisStore) -> None:
    await put(redis, b"1", b"2")
    first, second = await EventStream(redis, HERE).read(limit=9, wait_s=NOT_LONG_S)
    again = EventStream(redis, HERE)
    assert await again.held(limit=9) == [first, second]
    await again.done([first])
    assert await again.held(limit=9) == [second]
    assert await state(redis) == (1, 1, {HERE.encode()})


async def test_what_is_done_with_is_gone(redis: RedisStore) -> None:
    await put(redis, *[b"x"] * 20)
    stream = EventStream(redis, HERE)
    await stream.done(await stream.read(limit=99, wait_s=NOT_LONG_S))
    assert await state(redis) == (0, 0, {HERE.encode()})


async def test_what_a_consumer_has_had_for_long_can_be_taken_over(redis: RedisStore) -> None:
    await put(redis, b"1", b"2", b"3")
    await EventStream(redis, HERE).read(limit=9, wait_s=NOT_LONG_S)
    there = EventStream(redis, THERE)
    assert await there.take_over(idle_s=60, limit=9) == 0
    assert await there.take_over(idle_s=0, limit=2) == 2
    assert texts(await there.held(limit=9)) == [b"1", b"2"]
    assert await there.take_over(idle_s=0, limit=2) == 1, "it goes on where it stopped"
    assert texts(await there.held(limit=9)) == [b"1", b"2", b"3"]
    assert await EventStream(redis, HERE).held(limit=9) == []


async def test_what_somebody_deleted_after_it_was_read_is_empty_and_can_be_let_go(
    redis: RedisStore,
) -> None:
    (entry_id,) = await put(redis, b"1")
    stream = EventStream(redis, HERE)
    await stream.read(limit=9, wait_s=NOT_LONG_S)
    async with redis.call() as client:
        await client.xdel(STREAM, entry_id)
    (entry,) = await stream.held(limit=9)
    assert entry == Entry(entry_id, {})
    await stream.done([entry])
    assert await state(redis) == (0, 0, {HERE.encode()})


async def test_what_is_rejected_is_kept_with_its_reason(redis: RedisStore) -> None:
    bad = Entry(b"1-0", {b"event": b"{"})
    worse = Entry(b"2-0", {b"evnt": b"{}", b"n": b"\xff"})
    stream = EventStream(redis, HERE)
    await stream.reject([Rejected(bad, "no JSON"), Rejected(worse, "no event")])
    async with redis.call() as client:
        found: Any = await client.xrange(REJECTED)
        left_s = await client.ttl(REJECTED)
    assert REJECTED_FOR.total_seconds() - 60 < left_s <= REJECTED_FOR.total_seconds()
    (_, first), (_, second) = found
    assert first == {b"event": b"{", b"reason": b"no JSON", b"entry": b"1-0"}
    assert second[b"entry"] == b"2-0"
    assert orjson.loads(second[b"event"]) == {"evnt": "{}", "n": "\N{REPLACEMENT CHARACTER}"}


async def test_a_group_that_was_flushed_is_made_anew(redis: RedisStore) -> None:
    stream = EventStream(redis, HERE)
    await stream.read(limit=1, wait_s=NOT_LONG_S)
    async with redis.call() as client:
        await client.delete(STREAM)
    await put(redis, b"1")
    with pytest.raises(RedisUnavailable, match="group"):
        await stream.read(limit=1, wait_s=NOT_LONG_S)
    assert texts(await stream.read(limit=1, wait_s=NOT_LONG_S)) == [b"1"]


async def test_who_holds_nothing_leaves_and_who_does_stays(redis: RedisStore) -> None:
    await put(redis, b"1")
    here, there = EventStream(redis, HERE), EventStream(redis, THERE)
    held: list[Any] = await here.read(limit=1, wait_s=NOT_LONG_S)
    await there.held(limit=1)
    await here.leave()
    await there.leave()
    assert (await state(redis))[1:] == (1, {HERE.encode()})
    await here.done(held)
    await here.leave()
    assert (await state(redis))[1:] == (0, set())


async def test_other_faults_are_not_taken_for_an_outage(redis: RedisStore) -> None:
    async with redis.call() as client:
        await client.set(STREAM, "not a stream")
    with pytest.raises(ResponseError, match="WRONGTYPE"):
        await EventStream(redis, HERE).read(limit=1, wait_s=NOT_LONG_S)
    async with redis.call() as client:
        await client.delete(STREAM)
