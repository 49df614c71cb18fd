"""A user's connections over several processes: together they are no more than ten."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest

from actors.bus_member import Show
from actors.bus_registrar import RegisterAll
from actors.connection import CloseCode
from actors.directory import CONNECTIONS_PER_USER
from rules.lease import Lease
from storage.stores import Stores
from tests.support.actors import RecordingConnection
from tests.support.bus import BusProcess, on_the_bus, until
from tests.support.relay import relayed


@pytest.fixture
async def pair(stores: Stores, redis_url: str) -> AsyncIterator[list[BusProcess]]:
    async with on_the_bus(stores, redis_url, redis_url) as processes:
        yield processes


async def connected(process: BusProcess, user_id: UUID, count: int) -> list[RecordingConnection]:
    return [await process.connect(user_id) for _ in range(count)]


def was_evicted(connection: RecordingConnection) -> bool:
    return connection.closed_with == CloseCode.TOO_MANY_CONNECTIONS


async def test_the_oldest_goes_wherever_it_is(pair: list[BusProcess]) -> None:
    here, there = pair
    user_id = uuid4()
    far = await connected(there, user_id, 2)
    near = await connected(here, user_id, CONNECTIONS_PER_USER - 2)
    assert not any(map(was_evicted, [*far, *near]))
    latest = await connected(here, user_id, 1)
    await until(lambda: was_evicted(far[0]))
    latest += await connected(there, user_id, 2)
    await until(lambda: was_evicted(far[1]))
    await until(lambda: was_evicted(near[0]))
    assert not any(map(was_evicted, [*near[1:], *latest]))


async def test_one_that_has_gone_takes_nobodys_place(pair: list[BusProcess]) -> None:
    here, there = pair
    user_id = uuid4()
    far = await connected(there, user_id, 5)
    near = await connected(here, user_id, 5)
    there.directory.detach(user_id, far[0])
    # An actor that breaks takes its connections with it.
    here.directory._drop(user_id, here.directory._entries[user_id], CloseCode.INTERNAL_ERROR)
    back = await connected(here, user_id, 6)
    there.directory.detach(user_id, far[1])
    back += await connected(here, user_id, 1)
    assert not any(map(was_evicted, [*far[2:], *near, *back]))
    await connected(here, user_id, 1)
    await until(lambda: was_evicted(far[2]))


async def test_those_from_before_there_was_anybody_else_count(
    stores: Stores, redis_url: str
) -> None:
    user_id = uuid4()
    async with on_the_bus(stores, redis_url) as (first,):
        alone = await connected(first, user_id, CONNECTIONS_PER_USER)
        second = BusProcess(stores, redis_url, Lease("other", 1))
        await second.start()
        try:
            await second.connect(user_id)
            await until(lambda: was_evicted(alone[0]))
            assert not any(map(was_evicted, alone[1:]))
        finally:
            await second.stop()


async def test_those_that_went_while_there_was_nobody_else_take_nobodys_place(
    stores: Stores, redis_url: str
) -> None:
    user_id, other_id = uuid4(), uuid4()
    async with on_the_bus(stores, redis_url) as (first,):
        former = BusProcess(stores, redis_url, Lease("former", 1))
        await former.start()
        here, gone = await connected(first, user_id, 2)
        (last,) = await connected(first, other_id, 1)
        await former.stop()
        first.tell("bus.member", Show())
        await until(lambda: first.bus.is_alone)
        first.directory.detach(user_id, gone)
        second = BusProcess(stores, redis_url, Lease("other", 1))
        await second.start()
        try:
            await first.ask("bus.registrar", RegisterAll())
            await connected(second, user_id, CONNECTIONS_PER_USER - 1)
            # Whatever the first process is told of that, it is told before this.
            await connected(second, other_id, CONNECTIONS_PER_USER)
            await until(lambda: was_evicted(last))
            assert not was_evicted(here)
        finally:
            await second.stop()


async def test_one_that_is_gone_by_now_is_evicted_by_nobody(pair: list[BusProcess]) -> None:
    here, _ = pair
    user_id = uuid4()
    here.directory.evict(user_id, 1)
    connection = await here.connect(user_id)
    here.directory.evict(user_id, 999)
    assert not was_evicted(connection)


async def test_while_redis_is_away_each_process_counts_its_own(
    stores: Stores, redis_url: str
) -> None:
    user_id = uuid4()
    with relayed(redis_url) as relay:
        async with on_the_bus(stores, relay.url, relay.url) as (here, there):
            far = await connected(there, user_id, CONNECTIONS_PER_USER)
            relay.vanish()
            near = await connected(here, user_id, CONNECTIONS_PER_USER + 1)
            assert was_evicted(near[0])
            assert not any(map(was_evicted, far))
            relay.appear()
            # Both tell what they have, and of twenty the latest ten stay.
            await until(lambda: all(map(was_evicted, far)), within_s=60.0)
            assert not any(map(was_evicted, near[1:]))
