"""Whatever the bus loses or repeats, counts end as a recount, and nobody lacks or repeats a row."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest

from actors import messages
from rules.lease import Lease
from storage.bus_streams import BusStreams, Fields, stream_key
from storage.redis import RedisStore
from storage.stores import Stores
from tests.support.actors import RecordingConnection
from tests.support.bus import BusProcess, told, until
from tests.support.world import eventually

STEPS = 60
LOST, REPEATED = 0.25, 0.25
IMPATIENT: dict[str, Any] = {"answer_within_s": 0.5, "begin_within": timedelta(seconds=0.3)}
"""What is asked of another process and lost is done by the store after that."""


class UnreliableStreams(BusStreams):
    """Streams that lose some entries and have others twice, as the seed says."""

    def __init__(self, redis: RedisStore, reading: RedisStore, chance: random.Random) -> None:
        super().__init__(redis, reading)
        self._chance = chance
        self.lost = 0

    async def add(self, parcels: Iterable[tuple[str, Fields]]) -> list[int | None]:
        some = list(parcels)
        drawn = self._chance.random()
        if drawn < LOST:
            lost = {process: await self._add_and_lose(process) for process in dict(some)}
            self.lost += len(lost)
            return [lost[process] for process, _ in some]
        if drawn < LOST + REPEATED:
            await super().add(some)
        return await super().add(some)

    async def _add_and_lose(self, process: str) -> int | None:
        key = stream_key(process)
        async with self._redis.call() as client:
            script = """
            local id = redis.call('XADD', KEYS[1], 'NOMKSTREAM', '1-*', '0.kind', 'lost')
            if not id then return false end
            redis.call('XDEL', KEYS[1], id)
            return tonumber(string.sub(id, 3))
            """
            number: int | None = await client.eval(script, 1, key)
            return number


class Three:
    """One user, connected to two of three processes."""

    def __init__(self, stores: Stores, redis_url: str, chance: random.Random) -> None:
        self.user_id = uuid4()
        self.stores = stores
        self.chance = chance
        self.rows: list[UUID] = []
        self.processes = [
            BusProcess(stores, redis_url, Lease(f"seeded:{n}", 1), **IMPATIENT) for n in range(3)
        ]
        self.connections: list[RecordingConnection] = []
        for process in self.processes:
            process.streams = UnreliableStreams(process.redis, process.reading, chance)

    async def step(self) -> None:
        """Do something at random on a process at random."""
        process = self.chance.choice(self.processes)
        some = self.chance.sample(self.rows, min(len(self.rows), self.chance.randint(1, 3)))
        match self.chance.randint(0, 9):
            case 0 | 1 | 2 | 3 | 4:
                self.rows.append((await process.publish(self.user_id)).id)
            case 5 | 6 if some:
                await process.inbox.mark_read(self.user_id, tuple(some))
            case 7 if some:
                await process.inbox.delete(self.user_id, some[0])
            case 8:
                await process.inbox.mark_all_read(self.user_id)
            case _:
                await asyncio.sleep(self.chance.uniform(0, 0.02))

    async def counts(self) -> list[int]:
        """Return the count of each process's actor."""
        found = []
        for process in self.processes[:2]:
            actor = process.directory.find(self.user_id)
            assert actor is not None
            found.append(await actor.request(messages.CountUnread(), deadline_s=5))
        return found


@pytest.mark.timeout(seconds=180)
@pytest.mark.parametrize("seed", range(5))
async def test_counts_equal_a_recount_under_random_loss_and_repetition(
    seed: int, stores: Stores, redis_url: str
) -> None:
    three = Three(stores, redis_url, random.Random(seed))
    for process in three.processes:
        await process.start()
    three.connections = [await process.connect(three.user_id) for process in three.processes[:2]]
    for _ in range(STEPS):
        await three.step()

    async def agrees() -> bool:
        recount = await stores.notifications.unread_count(three.user_id)
        return await three.counts() == [recount, recount]

    await eventually(agrees)
    shown = {
        str(row.id)
        for row in await stores.notifications.after(
            three.user_id,
            since=None,
            until=three.processes[0].clock.store_now(),
            limit=STEPS,
        )
    }
    for connection in three.connections:
        await until(partial(_has_been_told, connection, shown))
        assert len(told(connection)) == len(set(told(connection)))
    streams = [process.streams for process in three.processes[:2]]
    assert sum(each.lost for each in streams if isinstance(each, UnreliableStreams))
    for process in three.processes:
        await process.stop()


def _has_been_told(connection: RecordingConnection, ids: set[str]) -> bool:
    return ids <= set(told(connection))
