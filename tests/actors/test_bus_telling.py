"""What is on its way to others is known to be, until it is written or given up."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest

from actors import bus
from actors.frames import pong
from actors.parcels import Shown
from storage.bus_streams import NONE
from storage.registrations import Registrations
from storage.stores import Stores
from tests.support.bus import BusProcess, held_up, on_the_bus, told, until


@pytest.fixture
async def pair(stores: Stores, redis_url: str) -> AsyncIterator[list[BusProcess]]:
    async with on_the_bus(stores, redis_url, redis_url) as processes:
        yield processes


async def test_what_takes_longer_than_its_teller_waits_is_under_way_until_it_is_written(
    pair: list[BusProcess], monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = pair
    user_id = uuid4()
    await there.connect(user_id)
    may_go = held_up(monkeypatch, here.streams, "add")
    monkeypatch.setattr(bus, "POST_WITHIN_S", 0.01)
    assert not await here.announce(await here.insert(user_id))
    assert here.peers.told.is_under_way(user_id)
    assert here.peers.told.last(str(there.lease)) == NONE
    may_go.set()
    await until(lambda: not here.peers.told.is_under_way(user_id))
    last = here.peers.told.last(str(there.lease))
    assert last is not None
    assert last > NONE


async def test_what_nobody_takes_is_not_under_way(pair: list[BusProcess]) -> None:
    here, there = pair
    user_id = uuid4()
    await here.supervisor.stop_all(deadline_s=5)
    here.peers.know({str(there.lease)}, asked_at_s=time.monotonic())
    here.bus.send(Shown(user_id, pong(None)))
    assert not here.peers.told.is_under_way(user_id)


async def test_a_process_whose_stream_is_gone_is_in_doubt(pair: list[BusProcess]) -> None:
    here, _ = pair
    user_id = uuid4()
    await Registrations(here.redis).add("gone#1", [user_id])
    assert await here.announce(await here.insert(user_id))
    assert here.peers.told.last("gone#1") is None


async def test_what_a_writer_that_fails_had_to_write_is_confessed(
    pair: list[BusProcess], monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = pair
    user_id = uuid4()
    connection = await there.connect(user_id)

    async def failing(_parcels: Any) -> Any:
        raise ZeroDivisionError

    row = await here.insert(user_id)
    with monkeypatch.context() as patch:
        patch.setattr(here.streams, "add", failing)
        here.bus.send(Shown(user_id, pong(None)))
        await until(lambda: here.peers.lost_since is not None)
        assert not here.peers.told.is_under_way(user_id)
    # Whoever is told so looks into the store.
    await until(lambda: told(connection) == [str(row.id)])
