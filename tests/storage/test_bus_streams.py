from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from storage.bus_streams import (
    ENTRY_BYTES,
    MOST_ENTRIES,
    NONE,
    STREAM_FOR_MS,
    BusStreams,
    Opened,
    StreamGone,
    stream_key,
)
from storage.redis import RedisStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def streams(redis_url: str) -> AsyncIterator[BusStreams]:
    redis, reading = RedisStore(redis_url), RedisStore(redis_url, retries=0)
    yield BusStreams(redis, reading)
    await reading.close()
    await redis.close()


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    async with Redis.from_url(redis_url) as client:
        yield client


@pytest.fixture
def process() -> str:
    return f"{uuid4()}#1"


def numbered(*texts: str) -> list[dict[bytes, bytes]]:
    return [{b"text": text.encode()} for text in texts]


async def add_apart(streams: BusStreams, process: str, *texts: str) -> None:
    """Add each as an entry of its own."""
    for parcel in numbered(*texts):
        await streams.add([(process, parcel)])


async def test_what_is_added_is_read_in_order_and_gone_when_removed(
    streams: BusStreams, process: str, redis: Redis
) -> None:
    assert await streams.open(process, NONE) == Opened(NONE, is_new=True)
    first, second, third = numbered("one", "two", "three")
    await streams.add([(process, first)])
    await streams.add([(process, second)])
    reading = await streams.read(process, NONE)
    assert (reading.entries, reading.until, reading.is_whole) == (
        [(0, [first]), (1, [second])],
        1,
        True,
    )
    await streams.remove(process, 1)
    assert await redis.xlen(stream_key(process)) == 0
    await streams.add([(process, third)])
    assert (await streams.read(process, 1)).entries == [(2, [third])]


async def test_what_is_added_together_is_one_entry_as_far_as_it_has_room(
    streams: BusStreams, process: str
) -> None:
    other = f"{uuid4()}#1"
    await streams.open(process, NONE)
    one, two, three = numbered("one", "two", "three")
    large = {b"text": b"x" * ENTRY_BYTES}
    added = [(process, one), (other, two), (process, two), (process, large), (process, three)]
    assert await streams.add(added) == [0, None, 0, 1, 2]
    reading = await streams.read(process, NONE)
    assert reading.entries == [(0, [one, two]), (1, [large]), (2, [three])]


async def test_a_second_without_anything_is_a_whole_reading_of_nothing(
    streams: BusStreams, process: str
) -> None:
    await streams.open(process, NONE)
    reading = await streams.read(process, NONE)
    assert (reading.entries, reading.until, reading.is_whole) == ([], NONE, True)


@pytest.mark.parametrize("lost", [[0], [1], [2], [0, 1], [1, 2], [0, 1, 2]], ids=str)
async def test_whichever_entry_is_lost_the_reading_is_not_whole(
    lost: list[int], streams: BusStreams, process: str, redis: Redis
) -> None:
    await streams.open(process, NONE)
    await add_apart(streams, process, "one", "two", "three")
    await redis.xdel(stream_key(process), *(f"1-{number}" for number in lost))
    reading = await streams.read(process, NONE)
    if reading.is_whole:
        # The last is missed once nothing more comes.
        assert reading.until < min(lost)
        reading = await streams.read(process, reading.until)
    assert not reading.is_whole
    later = await streams.read(process, reading.until)
    assert later.is_whole or 2 in lost


async def test_a_stream_is_bounded_and_what_it_was_relieved_of_is_missed(
    streams: BusStreams, process: str, redis: Redis
) -> None:
    await streams.open(process, NONE)
    filling = {b"text": b"x" * ENTRY_BYTES}
    await streams.add((process, filling) for _ in range(MOST_ENTRIES + 10))
    assert await redis.xlen(stream_key(process)) < MOST_ENTRIES + 10
    assert not (await streams.read(process, NONE)).is_whole


async def test_nobody_but_its_reader_makes_a_stream(
    streams: BusStreams, process: str, redis: Redis
) -> None:
    await streams.add([(process, numbered("lost")[0])])
    assert not await redis.exists(stream_key(process))
    with pytest.raises(StreamGone):
        await streams.read(process, NONE)


async def test_a_stream_that_begins_anew_is_found_out_and_read_from_its_first(
    streams: BusStreams, process: str
) -> None:
    await streams.open(process, NONE)
    await add_apart(streams, process, "one", "two", "three")
    assert (await streams.read(process, NONE)).until == 2
    await streams.delete(process)
    assert (await streams.open(process, NONE)).after == NONE
    (again,) = numbered("again")
    await streams.add([(process, again)])
    with pytest.raises(StreamGone):
        await streams.read(process, 2)
    assert (await streams.open(process, 2)).after == NONE
    assert (await streams.read(process, NONE)).entries == [(0, [again])]


async def test_a_stream_whose_process_dies_before_it_shows_itself_goes(
    streams: BusStreams, process: str, redis: Redis
) -> None:
    for _ in range(2):
        await streams.open(process, NONE)
        assert 0 < await redis.pttl(stream_key(process)) <= STREAM_FOR_MS
        await redis.persist(stream_key(process))
    assert await redis.xinfo_groups(stream_key(process)) == []


async def test_one_that_goes_on_goes_on_where_it_was(streams: BusStreams, process: str) -> None:
    await streams.open(process, NONE)
    await add_apart(streams, process, "one", "two", "three")
    assert await streams.open(process, 1) == Opened(1, is_new=False)
    await streams.remove(process, 1)
    assert await streams.open(process, 1) == Opened(1, is_new=False)
    # Of those that are gone nothing can be read.
    assert await streams.open(process, NONE) == Opened(1, is_new=False)
    await streams.remove(process, 2)
    assert await streams.open(process, 1) == Opened(2, is_new=False)
