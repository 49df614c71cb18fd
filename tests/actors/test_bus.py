"""Two processes on one Redis: what one tells the other shows, whatever befalls the bus."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from actors.bus_reader import FindBack
from actors.bus_writer import Post
from actors.frames import notification_read, pong
from actors.parcels import Shown
from actors.socket_events import SocketEvents
from storage.bus_streams import MOST_ENTRIES
from storage.redis import tagged_key
from storage.stores import Stores
from tests.support.actors import RecordingConnection
from tests.support.bus import BusProcess, on_the_bus, told, until
from tests.support.relay import Relay, relayed
from tests.support.world import eventually


@pytest.fixture
async def pair(stores: Stores, redis_url: str) -> AsyncIterator[list[BusProcess]]:
    async with on_the_bus(stores, redis_url, redis_url) as processes:
        yield processes


async def test_an_announcement_crosses(pair: list[BusProcess]) -> None:
    here, there = pair
    user_id = uuid4()
    connection = await there.connect(user_id)
    row = await here.publish(user_id)
    await until(lambda: told(connection) == [str(row.id)])
    assert connection.frames[-1]["data"]["unread_count"] == 1


async def test_reads_and_deletions_cross_whoever_made_them(pair: list[BusProcess]) -> None:
    here, there = pair
    user_id = uuid4()
    rows = [await here.insert(user_id) for _ in range(5)]
    near, far = await here.connect(user_id), await there.connect(user_id)
    # By the user's actor here, which knows nothing of the other connection.
    await here.inbox.mark_read(user_id, (rows[0].id,))
    await here.inbox.delete(user_id, rows[1].id)
    both = ["authentication_success", "notification.read", "notification.deleted"]
    await until(lambda: far.types == both)
    assert near.types == both
    assert far.frames[-1]["data"] == {"notification_id": str(rows[1].id), "unread_count": 3}
    # By REST on a process where the user is not.
    here.directory.detach(user_id, near)
    await until(lambda: here.directory.find(user_id) is None)
    await here.inbox.mark_read(user_id, (rows[2].id, rows[3].id))
    await until(lambda: far.types[-1] == "notifications.bulk_read")
    assert far.frames[-1]["data"] == {"marked_count": 2, "unread_count": 1}
    await here.inbox.click(user_id, rows[4].id, None)
    await until(lambda: far.types[-1] == "notification.read")
    await here.inbox.mark_all_read(user_id)
    assert far.frames[-1]["data"] == {"notification_id": str(rows[4].id), "unread_count": 0}


async def test_frames_without_a_row_cross(pair: list[BusProcess]) -> None:
    here, there = pair
    user_id = uuid4()
    near, far = await here.connect(user_id), await there.connect(user_id)
    frame = notification_read(uuid4(), 7)
    await SocketEvents(here.directory, here.bus).send(user_id, frame)
    await until(lambda: len(far.frames) == 2)
    assert near.frames[-1] == far.frames[-1]


async def test_entries_are_gone_once_read_and_registrations_when_the_user_goes(
    pair: list[BusProcess], redis_url: str
) -> None:
    here, there = pair
    user_id = uuid4()
    connection = await there.connect(user_id)
    await here.publish(user_id)
    await until(lambda: told(connection))
    async with Redis.from_url(redis_url) as redis:

        async def is_empty() -> bool:
            return await redis.xlen(there.stream) == 0

        await eventually(is_empty)
        assert await redis.zrange(tagged_key("bus", user_id), 0, -1) == [str(there.lease).encode()]
        there.directory.detach(user_id, connection)

        async def is_forgotten() -> bool:
            return await redis.zcard(tagged_key("bus", user_id)) == 0

        await eventually(is_forgotten)


async def test_nothing_is_added_for_whom_nobody_is_connected(
    pair: list[BusProcess], redis_url: str
) -> None:
    here, there = pair
    assert await here.announce(await here.insert(uuid4()))
    async with Redis.from_url(redis_url) as redis:
        information = await redis.xinfo_stream(there.stream)
    # The reader was woken once, when it was joined.
    assert information["length"] == 0


async def test_a_flushed_redis_loses_nobody_anything(
    pair: list[BusProcess], redis_url: str
) -> None:
    here, there = pair
    user_id = uuid4()
    known = await here.insert(user_id)
    read = await here.insert(user_id)
    connection = await there.connect(user_id)
    async with Redis.from_url(redis_url) as redis:
        await redis.flushall()
    lost = await here.publish(user_id)
    await here.inbox.mark_read(user_id, (read.id,))
    await until(lambda: told(connection) == [str(lost.id)])
    await until(lambda: connection.types[-1] == "notification.read")
    later = await here.publish(user_id)
    await until(lambda: told(connection) == [str(lost.id), str(later.id)])
    assert connection.frames[-1]["data"]["unread_count"] == 3
    assert str(known.id) not in told(connection)


async def test_entries_that_were_cut_off_are_told_before_those_that_were_not(
    pair: list[BusProcess], redis_url: str
) -> None:
    here, there = pair
    user_id = uuid4()
    connection = await there.connect(user_id)
    cut = await here.insert(user_id)
    kept = await here.insert(user_id)
    async with Redis.from_url(redis_url) as redis:
        pipeline = redis.pipeline()
        for _ in range(MOST_ENTRIES):
            pipeline.xadd(there.stream, {"0.kind": "of old"}, id="1-*")
        pipeline.xtrim(there.stream, MOST_ENTRIES // 2, approximate=False)
        await pipeline.execute()
    await here.announce(kept)
    await until(lambda: told(connection) == [str(cut.id), str(kept.id)])


async def test_a_process_that_was_taken_for_dead_catches_up(
    pair: list[BusProcess], redis_url: str
) -> None:
    here, there = pair
    user_id = uuid4()
    connection = await there.connect(user_id)
    async with Redis.from_url(redis_url) as redis:
        await redis.zrem("snb:bus:members", str(there.lease))
    missed = await here.insert(user_id)
    await until(lambda: told(connection) == [str(missed.id)])


async def test_what_a_user_was_told_is_not_found_again(pair: list[BusProcess]) -> None:
    here, there = pair
    user_id = uuid4()
    connection = await there.connect(user_id)
    row = await here.publish(user_id)
    await until(lambda: told(connection))
    await there.inbox.mark_read(user_id, (row.id,))
    frames = len(connection.frames)
    before = there.peers.told_until
    there.tell("bus.reader", FindBack())
    await until(lambda: there.peers.is_joined and there.peers.told_until > before)
    again = await here.publish(user_id)
    await until(lambda: told(connection) == [str(row.id), str(again.id)])
    assert len(connection.frames) == frames + 1


@pytest.fixture
def relay(redis_url: str) -> object:
    with relayed(redis_url) as made:
        yield made


async def test_one_who_cannot_reach_redis_looks_into_the_store_meanwhile(
    stores: Stores, redis_url: str, relay: Relay
) -> None:
    # The others are found in MongoDB: they cannot be in Redis.
    await stores.processes.register("place:0", "server")
    async with on_the_bus(stores, redis_url, relay.url) as (here, there):
        user_id, newcomer = uuid4(), uuid4()
        connection = await there.connect(user_id)
        relay.vanish()
        await until(lambda: not there.peers.is_joined)
        came_later = await there.connect(newcomer)
        missed = [await here.publish(user_id), await here.publish(newcomer)]
        await until(lambda: told(connection) == [str(missed[0].id)], within_s=20)
        await until(lambda: told(came_later) == [str(missed[1].id)], within_s=20)
        relay.appear()
        await until(lambda: there.peers.is_joined)
        for user in (user_id, newcomer):
            await here.publish(user)
        await until(lambda: len(told(connection)) == len(told(came_later)) == 2)


async def test_one_who_could_not_tell_says_so_when_it_can(
    stores: Stores, redis_url: str, relay: Relay
) -> None:
    async with on_the_bus(stores, relay.url, redis_url) as (here, there):
        user_id = uuid4()
        near, far = await here.connect(user_id), await there.connect(user_id)
        relay.vanish()
        rows = [await here.publish(user_id) for _ in range(2)]
        ids = [str(row.id) for row in rows]
        await until(lambda: told(near) == ids)
        assert told(far) == []
        relay.appear()
        await until(lambda: told(far) == ids)
        assert here.peers.lost_since is None


async def test_one_alone_asks_redis_nothing_for_a_batch(
    stores: Stores, redis_url: str, relay: Relay
) -> None:
    async with on_the_bus(stores, relay.url) as (alone,):
        user_id = uuid4()
        connection = await alone.connect(user_id)
        await until(lambda: alone.peers.are_none)
        async with Redis.from_url(redis_url) as redis:
            await redis.config_resetstat()
            for _ in range(50):
                await alone.publish(user_id)
                alone.bus.send(Shown(user_id, pong(None)))
            assert await alone.ask("bus.writer", Post((Shown(user_id, pong(None)),)))
            statistics = await redis.info("commandstats")
        assert len(told(connection)) == 50
        assert "cmdstat_xadd" not in statistics
        assert statistics.get("cmdstat_eval", {"calls": 0})["calls"] <= 5


async def test_one_who_joins_is_known_before_it_goes_on(stores: Stores, redis_url: str) -> None:
    async with on_the_bus(stores, redis_url, instance="first") as (here,):
        await until(lambda: here.peers.are_none)
        async with on_the_bus(stores, redis_url, instance="second") as (there,):
            assert not here.peers.are_none
            assert there.peers.others == {str(here.lease)}
            user_id = uuid4()
            connection = await there.connect(user_id)
            row = await here.publish(user_id)
            await until(lambda: told(connection) == [str(row.id)])
        await until(lambda: here.peers.are_none)


async def test_who_comes_while_there_is_nobody_else_is_registered_before_anybody_has_joined(
    stores: Stores, redis_url: str
) -> None:
    user_id, passer_by = uuid4(), uuid4()
    keys = [tagged_key("bus", each) for each in (user_id, passer_by)]
    async with (
        Redis.from_url(redis_url) as redis,
        on_the_bus(stores, redis_url, instance="first") as (here,),
    ):
        await until(lambda: here.peers.are_none)
        connection = await here.connect(user_id)
        passing = await here.connect(passer_by)
        here.directory.detach(passer_by, passing)
        await until(lambda: here.directory.find(passer_by) is None)
        async with on_the_bus(stores, redis_url, instance="second") as (there,):
            assert [await redis.zcard(key) for key in keys] == [1, 0]
            row = await there.publish(user_id)
            await until(lambda: told(connection) == [str(row.id)])
    assert not here.peers.unregistered


async def test_a_process_that_has_stopped_leaves_nothing(stores: Stores, redis_url: str) -> None:
    async with on_the_bus(stores, redis_url, instance="gone") as (process,):
        pass
    async with Redis.from_url(redis_url) as redis:
        assert not await redis.exists(process.stream)
        assert await redis.zscore("snb:bus:members", str(process.lease)) is None


async def test_it_works_on_a_cluster(stores: Stores, redis_cluster_url: str) -> None:
    async with on_the_bus(stores, redis_cluster_url, redis_cluster_url) as (here, there):
        user_ids = [uuid4() for _ in range(50)]
        connections = [await there.connect(user_id) for user_id in user_ids]
        rows = [await here.insert(user_id) for user_id in user_ids]
        assert await here.announce(*rows)
        for row, connection in zip(rows, connections, strict=True):
            await until(partial(_were_told, connection, [str(row.id)]))
        await here.inbox.mark_all_read(user_ids[0])
        await until(lambda: connections[0].types[-1] == "notifications.bulk_read")
        there.directory.detach(user_ids[1], connections[1])
        await until(lambda: len(there.directory) == len(user_ids) - 1)


def _were_told(connection: RecordingConnection, ids: list[str]) -> bool:
    return told(connection) == ids
