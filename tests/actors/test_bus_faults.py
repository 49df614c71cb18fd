"""What each actor of the bus does when something it needs is not there."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from typing import Any
from uuid import uuid4

import pytest
from redis.asyncio import Redis
from structlog.testing import capture_logs

from actors.bus_member import Show
from actors.bus_registrar import Forget, Register, RegisterWaiting
from actors.bus_writer import ConfessLoss, Post
from actors.catch_up import CatchUp
from actors.connection import CloseCode
from actors.frames import pong
from actors.parcels import Shown
from rules.lease import Lease
from storage.bus_members import MEMBERS
from storage.redis import RedisUnavailable, tagged_key
from storage.stores import Stores
from tests.storage.samples import MINUTE
from tests.support.actors import Away
from tests.support.bus import BusProcess, on_the_bus, told, until
from tests.support.relay import Relay, relayed


@pytest.fixture
async def pair(stores: Stores, redis_url: str) -> AsyncIterator[list[BusProcess]]:
    async with on_the_bus(stores, redis_url, redis_url) as processes:
        yield processes


@pytest.fixture
def relay(redis_url: str) -> Iterator[Relay]:
    with relayed(redis_url) as made:
        yield made


async def test_with_its_actors_gone_the_bus_refuses_nobody_anything(
    pair: list[BusProcess],
) -> None:
    here, there = pair
    await here.supervisor.stop_all(deadline_s=5)
    here.peers.is_joined = True
    here.peers.know({str(there.lease)}, asked_at_s=time.monotonic())
    with capture_logs() as lines:
        await here.bus.register(uuid4())
        here.bus.forget(uuid4())
        here.bus.send(Shown(uuid4(), pong(None)))
        lost_since = here.peers.lost_since
        assert not await here.announce(await here.insert(uuid4()))
    assert lost_since is not None
    assert here.peers.lost_since == lost_since
    assert [line["event"] for line in lines] == ["not_registered", "bus_behind", "bus_behind"]


async def test_who_is_connected_is_known_of_all_processes_while_redis_is_there(
    stores: Stores, redis_url: str, relay: Relay
) -> None:
    async with on_the_bus(stores, relay.url, redis_url) as (here, there):
        user_id, near, nobody = uuid4(), uuid4(), uuid4()
        await there.connect(user_id)
        await here.connect(near)
        assert await here.bus.connected([user_id, near, nobody]) == {user_id, near}
        # What is announced from here goes there while this process cannot read, too.
        here.peers.leave()
        assert await here.bus.connected([user_id]) == {user_id}
        here.peers.is_joined = True
        relay.vanish()
        with capture_logs() as lines:
            assert await here.bus.connected([user_id]) == set()
        assert "not_looked_for" in [line["event"] for line in lines]
        # Nobody waits for a Redis that is known to be away.
        here.peers.lose(here.clock.store_now())
        assert await here.bus.connected([user_id]) == set()
        relay.appear()


async def test_who_could_not_be_registered_is_found_by_a_look_into_the_store(
    pair: list[BusProcess],
) -> None:
    here, there = pair
    user_id = uuid4()
    await there.supervisor.ref("bus.registrar").stop_and_wait(deadline_s=5)
    there.peers.told_until = there.clock.store_now()
    connection = await there.connect(user_id)
    missed = await here.publish(user_id)
    # Joining needs the registrar, too: until it is there, MongoDB is looked into.
    await there.catch_up.run(there.peers.told_until)
    await until(lambda: told(connection) == [str(missed.id)])


async def test_an_actor_of_the_bus_takes_no_other_message(pair: list[BusProcess]) -> None:
    here, _ = pair
    with pytest.raises(TypeError, match="a member of the bus does not take str"):
        await here.ask("bus.member", "what is this")
    with capture_logs() as lines:
        here.tell("bus.reader", "what is this")
        await until(lambda: [line for line in lines if line["event"] == "actor_restarting"])
        await until(lambda: here.peers.is_joined)
    assert "the reader of the bus does not take str" in repr(lines)


async def test_a_reader_that_fails_is_started_anew_and_catches_up(
    pair: list[BusProcess], redis_url: str
) -> None:
    here, there = pair
    user_id = uuid4()
    connection = await there.connect(user_id)
    async with Redis.from_url(redis_url) as redis:
        with capture_logs() as lines:
            await redis.set(there.stream, "not a stream")
            await until(lambda: "actor_restarting" in {line["event"] for line in lines})
        missed = await here.insert(user_id)
        await redis.delete(there.stream)
    await until(lambda: told(connection) == [str(missed.id)])


async def test_a_parcel_that_cannot_be_read_is_passed_over_among_others(
    pair: list[BusProcess],
) -> None:
    here, there = pair
    user_id = uuid4()
    connection = await there.connect(user_id)
    before = len(connection.frames)
    parcels = [
        Shown(user_id, pong("before")).fields(),
        {b"kind": b"of a later version"},
        Shown(user_id, pong("after")).fields(),
    ]
    with capture_logs() as lines:
        await here.streams.add([(str(there.lease), parcel) for parcel in parcels])
        await until(lambda: len(connection.frames) == before + 2)
    assert [frame["ref"] for frame in connection.frames[before:]] == ["before", "after"]
    assert [line["kind"] for line in lines if line["event"] == "bus_parcel_unknown"] == [
        "of a later version"
    ]


async def test_nobody_waits_for_an_earlier_incarnation_of_its_own_place(
    stores: Stores, redis_url: str
) -> None:
    later = BusProcess(stores, redis_url, Lease("place", 2))
    async with Redis.from_url(redis_url) as redis:
        await redis.zadd(MEMBERS, {"place#1": time.time() * 1000 + 60_000})
        await later.start()
        assert later.peers.is_joined
        assert await redis.zscore(MEMBERS, "place#1") is None
    await later.stop()


async def test_while_redis_is_away_nobody_waits_for_it_and_stopping_is_quick(
    stores: Stores, redis_url: str, relay: Relay
) -> None:
    async with on_the_bus(stores, redis_url) as (there,):
        here = BusProcess(stores, relay.url, Lease("away", 1))
        await here.start()
        relay.vanish()
        await until(lambda: not here.peers.is_joined)
        await here.ask("bus.registrar", Register(uuid4()))
        await here.ask("bus.registrar", Forget(uuid4()))
        assert not await here.ask("bus.writer", Post((Shown(uuid4(), pong(None)),)))
        since = here.peers.lost_since
        assert since is not None
        # Now that it is known, nothing is even tried; and what is lost is not forgotten.
        began = time.monotonic()
        for _ in range(100):
            assert not await here.ask("bus.writer", Post((Shown(uuid4(), pong(None)),)))
        assert time.monotonic() - began < 5
        await here.ask("bus.writer", ConfessLoss())
        assert here.peers.lost_since == since
        began = time.monotonic()
        await here.stop()
        assert time.monotonic() - began < 5
        assert there.peers.is_joined
        relay.appear()


async def test_what_an_inbox_lists_is_another_after_a_break_however_little_was_missed(
    stores: Stores, redis_url: str, relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with on_the_bus(stores, redis_url, relay.url) as (_, there):
        look, during_looks = CatchUp.run, []

        async def watched(catch_up: CatchUp, since: datetime) -> None:
            during_looks.append(await there.inbox.state(user_id))
            await look(catch_up, since)

        user_id = uuid4()
        await there.connect(user_id)
        before = await there.inbox.state(user_id)
        assert before == await there.inbox.state(user_id)
        monkeypatch.setattr(CatchUp, "run", watched)
        relay.vanish()
        await until(lambda: there.bus.caught_up is None)
        assert await there.inbox.state(user_id) is None
        relay.appear()
        await until(lambda: there.bus.caught_up is not None)
        assert await there.inbox.state(user_id) not in (before, None)
        assert set(during_looks) == {None}


async def test_one_that_starts_while_redis_is_away_serves_and_joins_when_it_is_back(
    stores: Stores, relay: Relay
) -> None:
    relay.vanish()
    async with on_the_bus(stores, relay.url) as (alone,):
        user_id = uuid4()
        connection = await alone.connect(user_id)
        row = await alone.publish(user_id)
        await until(lambda: told(connection) == [str(row.id)])
        passer_by = uuid4()
        passing = await alone.connect(passer_by)
        alone.directory.detach(passer_by, passing)
        await until(lambda: alone.directory.find(passer_by) is None)
        assert not alone.peers.is_joined
        relay.appear()
        await until(lambda: alone.peers.is_joined)
        await until(lambda: alone.peers.lost_since is None)
        assert told(connection) == [str(row.id)]


async def test_with_nothing_lost_there_is_nothing_to_confess(pair: list[BusProcess]) -> None:
    here, _ = pair
    await here.ask("bus.writer", ConfessLoss())
    assert here.peers.lost_since is None


async def test_one_that_is_about_to_join_shows_itself_all_the_same(
    pair: list[BusProcess],
) -> None:
    here, there = pair
    here.peers.is_joined = False
    await here.ask("bus.member", Show())
    assert here.peers.others == {str(there.lease)}
    here.peers.is_joined = True


async def test_one_whose_users_redis_refuses_does_not_show_itself_until_it_takes_them(
    pair: list[BusProcess], redis_url: str
) -> None:
    here, there = pair
    user_id = uuid4()
    registrar: Any = here.supervisor.ref("bus.registrar")._actor_weakref()
    taken, registrar._registrations = registrar._registrations, Away(RedisUnavailable("refused"))
    with pytest.raises(RedisUnavailable):
        await here.ask("bus.registrar", RegisterWaiting())
    here.peers.unregistered.add(user_id)
    here.peers.know((), asked_at_s=time.monotonic())
    await here.ask("bus.member", Show())
    assert not here.peers.are_none
    assert not here.peers.others
    assert here.peers.unregistered == {user_id}
    registrar._registrations = taken
    await until(lambda: here.peers.others == {str(there.lease)} and here.peers.is_joined)
    assert not here.peers.unregistered
    async with Redis.from_url(redis_url) as redis:
        assert await redis.zrange(tagged_key("bus", user_id), 0, -1) == [str(here.lease).encode()]


async def test_one_whose_users_cannot_be_registered_does_not_show_itself(
    pair: list[BusProcess],
) -> None:
    here, there = pair
    await here.supervisor.ref("bus.registrar").stop_and_wait(deadline_s=5)
    here.peers.unregistered.add(uuid4())
    here.peers.know((), asked_at_s=time.monotonic())
    await here.ask("bus.member", Show())
    assert not here.peers.are_none
    assert not here.peers.others
    here.peers.know({str(there.lease)}, asked_at_s=time.monotonic())


async def test_after_a_gap_of_minutes_clients_come_back_and_say_what_they_have(
    pair: list[BusProcess],
) -> None:
    _, there = pair
    connection = await there.connect(uuid4())
    await there.catch_up.run(there.clock.store_now() - 10 * MINUTE)
    assert connection.closed_with is CloseCode.SERVER_RESTARTING
    assert len(there.directory) == 0


async def test_who_left_and_is_back_stays_registered(
    pair: list[BusProcess], redis_url: str
) -> None:
    here, _ = pair
    user_id = uuid4()
    await here.connect(user_id)
    here.bus.forget(user_id)
    await here.ask("bus.registrar", Register(uuid4()))
    async with Redis.from_url(redis_url) as redis:
        assert await redis.zcard(tagged_key("bus", user_id)) == 1
