"""Who comes to a second process misses nothing that the first has stored and told nobody of."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from redis.asyncio import Redis
from structlog.testing import capture_logs

from actors import newcomers
from actors.bus_member import Show
from actors.bus_reader import FindBack
from actors.bus_registrar import RegisterAll
from actors.catch_up import CatchUp
from actors.newcomers import HEARD_WITHIN_S, LOOK_EVERY_S, Newcomers
from actors.notices import Came, Joined, Lost
from actors.only_here import RELIED_ON_FOR_S
from actors.parcels import read_fields
from actors.peers import Peers
from storage.bus_members import MEMBER_FOR_MS, BusMembers, Membership
from storage.bus_streams import Fields
from storage.redis import RedisUnavailable
from storage.registrations import Registrations
from storage.stores import Stores
from tests.storage.samples import NOON, SECOND
from tests.support.actors import RecordingConnection
from tests.support.bus import BusProcess, on_the_bus, told, until
from tests.support.world import WITHIN_S, eventually

ANNA, BOB = UUID(int=1), UUID(int=2)


@pytest.fixture
async def pair(stores: Stores, redis_url: str) -> AsyncIterator[list[BusProcess]]:
    async with on_the_bus(stores, redis_url, redis_url) as processes:
        yield processes


@pytest.fixture
def looked_for(monkeypatch: pytest.MonkeyPatch) -> list[UUID]:
    """Whom Redis is asked about."""
    users: list[UUID] = []
    find = Registrations.find

    async def noting(self: Registrations, user_ids: Any) -> Any:
        users.extend(user_ids)
        return await find(self, user_ids)

    monkeypatch.setattr(Registrations, "find", noting)
    return users


async def only_here(process: BusProcess, user_id: UUID) -> RecordingConnection:
    """Connect somebody, and wait until it is relied on that they are nowhere else."""
    connection = await process.connect(user_id)
    await until(lambda: process.peers.only_here.has_all([user_id]))
    return connection


def seen(connection: RecordingConnection) -> int:
    """Return of how many notifications a connection knows: counted when it came, or told since."""
    first = connection.frames[0]
    assert first["type"] == "authentication_success"
    counted: int = first["unread_count"]
    return counted + len(told(connection))


async def test_nobody_asks_redis_about_one_who_is_only_here(
    pair: list[BusProcess], looked_for: list[UUID]
) -> None:
    here, there = pair
    alone, abroad = uuid4(), uuid4()
    connection = await only_here(here, alone)
    other = await there.connect(abroad)
    rows = [await here.publish(alone), await here.publish(abroad)]
    assert told(connection) == [str(rows[0].id)]
    await until(lambda: told(other) == [str(rows[1].id)])
    assert looked_for == [abroad]


async def test_of_one_who_comes_to_another_as_well_both_are_told(
    pair: list[BusProcess], looked_for: list[UUID]
) -> None:
    here, there = pair
    user_id = uuid4()
    first = await only_here(here, user_id)
    second = await there.connect(user_id)
    rows = [await process.publish(user_id) for process in (here, there)]
    both = {str(row.id) for row in rows}
    await until(lambda: set(told(first)) == set(told(second)) == both)
    assert looked_for == [user_id, user_id]


async def deaf(patch: pytest.MonkeyPatch, process: BusProcess) -> asyncio.Event:
    """Have a process read nothing until the event is set that is returned."""
    is_deaf, may_read, read = asyncio.Event(), asyncio.Event(), process.streams.read

    async def later(*args: Any) -> Any:
        is_deaf.set()
        await may_read.wait()
        return await read(*args)

    patch.setattr(process.streams, "read", later)
    await is_deaf.wait()
    return may_read


async def coming(there: BusProcess, user_id: UUID) -> asyncio.Task[RecordingConnection]:
    """Begin to connect somebody to `there`, as far as telling others so."""
    connecting = asyncio.create_task(there.connect(user_id))
    registrations = Registrations(there.redis)

    async def is_registered() -> bool:
        return str(there.lease) in await registrations.find([user_id])

    await eventually(is_registered, within_s=WITHIN_S)
    return connecting


async def test_nothing_is_missed_of_what_was_stored_before_the_arrival_was_heard_of(
    pair: list[BusProcess], monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = pair
    monkeypatch.setattr(newcomers, "HEARD_WITHIN_S", 600.0)
    user_id = uuid4()
    await only_here(here, user_id)
    may_read = await deaf(monkeypatch, here)
    connecting = await coming(there, user_id)
    await here.publish(user_id)
    assert not connecting.done()
    may_read.set()
    assert seen(await connecting) == 1


async def test_one_that_hears_nothing_is_waited_for_as_long_as_it_may_rely_on_that(
    pair: list[BusProcess], monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = pair
    monkeypatch.setattr(newcomers, "HEARD_WITHIN_S", 0.3)
    user_id = uuid4()
    await only_here(here, user_id)
    may_read = await deaf(monkeypatch, here)
    began_s = time.monotonic()
    await there.connect(user_id)
    assert time.monotonic() - began_s >= 0.3
    may_read.set()
    assert newcomers.HEARD_WITHIN_S < RELIED_ON_FOR_S < HEARD_WITHIN_S


async def test_one_that_joins_again_waits_for_nobody_before_it_reads_what_they_have_heard(
    pair: list[BusProcess], monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = pair
    monkeypatch.setattr(newcomers, "HEARD_WITHIN_S", 600.0)
    user_id = uuid4()
    first, second = await here.connect(user_id), await there.connect(user_id)
    before = here.peers.times_caught_up
    missed = await there.insert(user_id)
    here.tell("bus.reader", FindBack())
    await until(lambda: here.peers.times_caught_up > before)
    row = await there.publish(user_id)
    await until(lambda: told(first) == [str(missed.id), str(row.id)])
    assert told(second) == [str(row.id)]


@pytest.mark.parametrize("is_seen_again", [False, True])
async def test_nothing_is_missed_of_what_is_stored_before_one_knows_that_redis_has_forgotten_all(
    pair: list[BusProcess],
    monkeypatch: pytest.MonkeyPatch,
    redis_url: str,
    is_seen_again: bool,
) -> None:
    here, there = pair
    user_id = uuid4()
    await only_here(here, user_id)
    may_read = await deaf(monkeypatch, here)
    before = there.peers.times_caught_up
    with monkeypatch.context() as patch:
        # It shows itself a moment later than the other looks who is there.
        patch.setattr(BusMembers, "beat", _of_all_but(here, BusMembers.beat))
        async with Redis.from_url(redis_url) as redis:
            await redis.flushall()
        there.tell("bus.reader", FindBack())
        await until(lambda: there.peers.times_caught_up > before)
        connection = await there.connect(user_id)
        await here.publish(user_id)
    if is_seen_again:
        # By a look of which nobody learns that it was none of those that are there.
        await BusMembers(here.redis).beat(str(here.lease))
    may_read.set()
    await until(lambda: seen(connection) == 1)


def _of_all_but(process: BusProcess, beat: Callable[..., Awaitable[Membership]]) -> Any:
    async def of_others(self: BusMembers, name: str) -> Membership:
        if name == str(process.lease):
            raise RedisUnavailable("not yet")
        return await beat(self, name)

    return of_others


async def test_one_that_has_gone_is_not_waited_for(
    pair: list[BusProcess], monkeypatch: pytest.MonkeyPatch
) -> None:
    here, _ = pair
    monkeypatch.setattr(newcomers, "HEARD_WITHIN_S", 60.0)
    user_id = uuid4()
    await Registrations(here.redis).add("gone#1", [user_id])
    await here.connect(user_id)
    # Its registration stays for some minutes, so that others are looked for.
    assert not here.peers.only_here.has_all([user_id])


async def test_one_that_goes_is_waited_for_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    peers = Peers(NOON)
    peers.know({"left#1", "right#1"}, asked_at_s=time.monotonic())
    dead: set[str] = set()
    streams: Any = Streams()
    telling = Newcomers("here#1", streams, peers, dead.__contains__)
    await telling.tell({"left#1": [ANNA], "right#1": [BOB]})
    (left,), (right,) = telling.unheard(ANNA), telling.unheard(BOB)
    assert list(telling.unheard()) == [left, right]
    await asyncio.sleep(2 * LOOK_EVERY_S)
    assert not left.is_over
    dead.add("left#1")
    await left.heard()
    assert not right.is_over
    # It may have been taken off by another, and not know it yet.
    peers.know((), asked_at_s=time.monotonic())
    assert peers.may_be_relying("right#1")
    monkeypatch.setattr(peers, "_relying_until_s", {})
    await right.heard()
    assert not telling.unheard()


async def test_one_taken_to_be_gone_relies_on_nothing_until_it_has_joined_again(
    pair: list[BusProcess], monkeypatch: pytest.MonkeyPatch
) -> None:
    here, _ = pair
    user_id = uuid4()
    await only_here(here, user_id)
    # Before its reader knows of it, which joins again.
    may_read = await deaf(monkeypatch, here)
    await BusMembers(here.redis).leave(str(here.lease))
    await here.ask("bus.member", Show())
    assert not here.peers.only_here.has_all([user_id])
    may_read.set()
    await until(lambda: here.peers.only_here.has_all([user_id]))


async def test_one_that_redis_found_itself_when_it_asked_again_may_have_been_gone_before(
    pair: list[BusProcess], monkeypatch: pytest.MonkeyPatch
) -> None:
    here, _ = pair
    user_id = uuid4()
    await only_here(here, user_id)
    may_read = await deaf(monkeypatch, here)
    beat = BusMembers.beat

    async def late(self: BusMembers, process: str) -> Membership:
        found = await beat(self, process)
        return replace(found, shown_us=found.shown_us + MEMBER_FOR_MS * 1_000)

    with monkeypatch.context() as patch:
        patch.setattr(BusMembers, "beat", late)
        await here.ask("bus.member", Show())
    assert not here.peers.only_here.has_all([user_id])
    may_read.set()
    await until(lambda: here.peers.only_here.has_all([user_id]))


async def test_what_several_say_was_lost_is_looked_for_once(
    pair: list[BusProcess], monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = pair
    may_read = await deaf(monkeypatch, here)
    looked: list[datetime] = []

    async def look(_self: CatchUp, since: datetime) -> None:
        looked.append(since)

    monkeypatch.setattr(CatchUp, "run", look)
    now = here.clock.store_now()
    for ago in (2, 1, 2, 3):
        lost = Lost(now - ago * SECOND).fields()
        await there.streams.add([(str(here.lease), lost)])
    may_read.set()
    await until(lambda: here.peers.told_until > now)
    assert len(looked) == 2
    assert looked[1] - looked[0] == -SECOND


async def test_one_that_leaves_relies_on_nothing(pair: list[BusProcess]) -> None:
    here, _ = pair
    user_id = uuid4()
    await only_here(here, user_id)
    await here.supervisor.ref("bus.member").stop_and_wait(deadline_s=WITHIN_S)
    assert not here.peers.only_here.has_all([user_id])


async def test_one_that_may_have_lost_what_it_was_told_registers_anew_before_it_relies_on_it(
    pair: list[BusProcess], monkeypatch: pytest.MonkeyPatch, redis_url: str
) -> None:
    here, there = pair
    user_id = uuid4()
    await only_here(here, user_id)
    may_read = await deaf(monkeypatch, here)
    for _ in range(2):
        await there.streams.add([(str(here.lease), Joined().fields())])
    async with Redis.from_url(redis_url) as redis:
        await redis.xtrim(here.stream, 1, approximate=False)
    may_read.set()
    await until(lambda: not here.peers.only_here.has_all([user_id]))
    await here.ask("bus.registrar", RegisterAll())
    await until(lambda: here.peers.only_here.has_all([user_id]))


async def test_who_leaves_is_not_only_here_any_more(pair: list[BusProcess]) -> None:
    here, there = pair
    user_id = uuid4()
    connection = await only_here(here, user_id)
    here.directory.detach(user_id, connection)
    await until(lambda: here.directory.find(user_id) is None)
    await here.ask("bus.registrar", RegisterAll())
    assert not here.peers.only_here.has_all([user_id])
    await only_here(there, user_id)


async def test_others_are_told_again_only_of_those_they_may_know_nothing_of(
    pair: list[BusProcess], redis_url: str
) -> None:
    here, there = pair
    user_id = uuid4()
    for process in pair:
        await process.connect(user_id)
    async with Redis.from_url(redis_url) as redis:

        async def told_here(is_anew: bool) -> int:
            before = (await redis.xinfo_stream(here.stream))["entries-added"]
            arrivals = await there.ask("bus.registrar", RegisterAll(is_anew=is_anew))
            await asyncio.gather(*(each.heard() for each in arrivals))
            after = (await redis.xinfo_stream(here.stream))["entries-added"]
            return int(after - before)

        assert await told_here(is_anew=False) == 0
        assert await told_here(is_anew=True) == 1


class Streams:
    """Keeps what is told; away when it says so."""

    def __init__(self) -> None:
        self.told: list[Any] = []
        self.is_away = False

    async def add(self, parcels: Iterable[tuple[str, Fields]]) -> None:
        if self.is_away:
            raise RedisUnavailable("away")
        self.told += [(process, read_fields(fields)) for process, fields in parcels]

    def last(self) -> tuple[str, Came]:
        """Return what was told last, and forget all."""
        last: tuple[str, Came] = self.told.pop()
        self.told.clear()
        return last


async def test_who_could_not_be_told_of_is_not_waited_for() -> None:
    peers = Peers(NOON)
    peers.know({"there#1"}, asked_at_s=time.monotonic())
    streams: Any = Streams()
    telling = Newcomers("here#1", streams, peers, lambda _process: False)
    streams.is_away = True
    with pytest.raises(RedisUnavailable):
        await telling.tell({"there#1": [ANNA]})
    assert not telling.unheard()


async def test_it_is_said_which_process_has_not_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(newcomers, "HEARD_WITHIN_S", 0.01)
    peers = Peers(NOON)
    peers.know({"left#1", "right#1"}, asked_at_s=time.monotonic())
    streams: Any = Streams()
    telling = Newcomers("here#1", streams, peers, lambda _process: False)
    for user_id in (ANNA, BOB):
        await telling.tell({"left#1": [user_id], "right#1": [user_id]})
    (_, anna_left), (_, anna_right), (_, bob_left), _ = streams.told
    telling.hear(anna_left.serial)
    telling.hear(anna_right.serial)
    telling.hear(bob_left.serial)
    with capture_logs() as lines:
        await until(lambda: not telling.unheard())
        await asyncio.sleep(0.02)
    assert [(line["event"], line["processes"]) for line in lines] == [
        ("arrival_not_heard", ["right#1"])
    ]
