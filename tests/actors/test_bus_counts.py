"""What another process stores is counted once, whatever its clock shows, however late it comes."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any, cast
from uuid import uuid4

import pytest

from actors.shared_time import SharedTime
from storage.notifications import NotificationsRepository
from storage.stores import Stores
from tests.support.actors import RecordingConnection
from tests.support.bus import BusProcess, on_the_bus, told, until
from tests.support.world import eventually


class Counting:
    """A repository that keeps how often the rows of one inbox were counted by themselves."""

    def __init__(self, notifications: Any) -> None:
        self._notifications = notifications
        self.counts = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._notifications, name)

    async def snapshots(self, wanted: Any) -> Any:
        """Count, and keep that it was done."""
        self.counts += len(wanted)
        return await self._notifications.snapshots(wanted)


class Unmeasured(SharedTime):
    """The time of a Redis that a process cannot make out."""

    def measure(self, shown_us: int, *, asked_at_s: float) -> None:
        """Learn nothing."""


@pytest.fixture
def counting(stores: Stores) -> Counting:
    return Counting(stores.notifications)


@pytest.fixture(params=[-10.0, 0.0, 10.0])
def ahead_s(request: pytest.FixtureRequest) -> float:
    """By how much the one's clock is ahead of the other's; ten are more than is trusted."""
    return float(request.param)


@pytest.fixture
async def pair(
    stores: Stores, redis_url: str, counting: Counting, ahead_s: float
) -> AsyncIterator[list[BusProcess]]:
    watched = replace(stores, notifications=cast("NotificationsRepository", counting))
    async with on_the_bus(watched, redis_url, redis_url) as processes:
        processes[0].clock._offset_s = ahead_s
        yield processes


def unread_counts(connection: RecordingConnection) -> list[int]:
    return [
        frame["data"]["unread_count"]
        for frame in connection.frames
        if frame["type"] == "notification.new"
    ]


def do_know(pair: list[BusProcess]) -> bool:
    return all(process.peers.shared_time.is_known for process in pair)


async def is_later(here: BusProcess, there: BusProcess, moment_s: float) -> None:
    """Wait until what `here` says of a moment is later than `moment_s` for `there`."""

    def heard() -> bool:
        told_us = here.peers.shared_time.shared_us(time.monotonic())
        heard_s = None if told_us is None else there.peers.shared_time.moment_s(told_us)
        return heard_s is not None and heard_s > moment_s

    await until(heard)


async def test_what_is_stored_after_the_count_is_counted_without_asking_the_store(
    pair: list[BusProcess], counting: Counting
) -> None:
    here, there = pair

    async def is_counted_so() -> bool:
        user_id, before = uuid4(), counting.counts
        connection = await there.connect(user_id)
        await is_later(here, there, time.monotonic())
        row = await here.publish(user_id)
        await until(lambda: told(connection) == [str(row.id)])
        assert unread_counts(connection) == [1]
        return counting.counts == before

    # Where a beat is late, who was just asked may not know any more what Redis's clock shows.
    await eventually(is_counted_so)


async def test_what_was_stored_before_the_count_is_counted_as_the_store_has_it(
    pair: list[BusProcess], counting: Counting
) -> None:
    here, there = pair
    await until(lambda: do_know(pair))

    async def is_told_of() -> bool:
        user_id, before = uuid4(), counting.counts
        began_s = time.monotonic()
        read, unread = [await here.insert(user_id) for _ in range(2)]
        await here.inbox.mark_read(user_id, (read.id,))
        connection = await there.connect(user_id)
        await here.announce(unread, read, stored_after_s=began_s)
        await until(lambda: told(connection) == [str(unread.id), str(read.id)])
        if not do_know(pair):
            return False
        assert unread_counts(connection) == [1, 1]
        assert counting.counts > before
        return True

    # As above: by clocks so far apart it would be counted wrongly.
    await eventually(is_told_of)


async def test_a_process_that_stalls_before_it_inserts_has_its_row_counted_once(
    pair: list[BusProcess],
) -> None:
    here, there = pair
    user_id = uuid4()
    began_s = time.monotonic()
    with here.clock.writing() as position:
        connection = await there.connect(user_id)
        row = await here.insert(user_id, created_at=position.created_at, floor=position.floor)
        await here.announce(row, stored_after_s=began_s)
    await until(lambda: told(connection) == [str(row.id)])
    assert unread_counts(connection) == [1]


@pytest.mark.parametrize("ahead_s", [-4.0, 0.0, 4.0], indirect=True)
@pytest.mark.parametrize("is_teller", [True, False])
async def test_where_the_time_of_redis_is_not_known_clocks_are_trusted_within_five_seconds(
    pair: list[BusProcess], counting: Counting, *, is_teller: bool
) -> None:
    here, there = pair
    (here if is_teller else there).peers.shared_time = Unmeasured()
    user_id = uuid4()
    began_s = time.monotonic()
    read = await here.insert(user_id)
    await here.inbox.mark_read(user_id, (read.id,))
    connection = await there.connect(user_id)
    await here.announce(read, stored_after_s=began_s)
    await until(lambda: told(connection))
    new = await here.publish(user_id)
    await until(lambda: told(connection) == [str(read.id), str(new.id)])
    assert unread_counts(connection) == [0, 1]
    assert counting.counts > 0
