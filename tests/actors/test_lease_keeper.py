"""A process shows that it lives, and sees which others do not."""

from __future__ import annotations

from uuid import uuid4

import pytest

from actors.lease_keeper import Beat, LeaseKeeper
from actors.loop_ref import LoopActorRef
from rules.heartbeats import EXPIRES_AFTER_S
from rules.lease import Lease
from storage.stores import Stores
from tests.support.actors import Away

SOON_S = 30.0


class Watch:
    """A lease keeper, the time it goes by, and what it says."""

    def __init__(self, stores: Stores, lease: Lease) -> None:
        self.now_s = 1_000.0
        self.dead: list[Lease] = []
        self.superseded = 0
        self.ref = self.start(stores.processes, lease)

    def start(self, processes: object, lease: Lease) -> LoopActorRef[LeaseKeeper]:
        return LeaseKeeper.start(
            processes=processes,
            lease=lease,
            on_death=self.dead.append,
            on_superseded=self._supersede,
            monotonic=lambda: self.now_s,
        )

    def _supersede(self) -> None:
        self.superseded += 1

    async def beat(self) -> None:
        await self.ref.request(Beat(), deadline_s=SOON_S)


async def test_a_process_whose_beat_stands_still_for_a_minute_is_dead(stores: Stores) -> None:
    ours = await stores.processes.register(f"ours:{uuid4()}", "server")
    silent = await stores.processes.register(f"silent:{uuid4()}", "server")
    lively = await stores.processes.register(f"lively:{uuid4()}", "worker")
    watch = Watch(stores, ours)
    await watch.beat()
    for _ in range(2):
        watch.now_s += EXPIRES_AFTER_S / 2 - 1
        await stores.processes.beat(lively)
        await watch.beat()
    assert watch.dead == []
    watch.now_s += 2
    await watch.beat()
    assert silent in watch.dead
    assert lively not in watch.dead
    assert ours not in watch.dead


async def test_a_superseded_process_says_so(stores: Stores) -> None:
    name = f"ours:{uuid4()}"
    watch = Watch(stores, await stores.processes.register(name, "server"))
    await watch.beat()
    assert watch.superseded == 0
    await stores.processes.register(name, "server")
    await watch.beat()
    assert watch.superseded == 1


async def test_with_the_store_away_nobody_is_judged(stores: Stores) -> None:
    watch = Watch(stores, Lease("ours", 1))
    watch.ref = watch.start(Away(), Lease("ours", 1))
    await watch.beat()
    assert (watch.dead, watch.superseded) == ([], 0)


async def test_it_takes_nothing_but_beats(stores: Stores) -> None:
    watch = Watch(stores, Lease("ours", 1))
    with pytest.raises(TypeError):
        await watch.ref.request("what is this", deadline_s=SOON_S)
