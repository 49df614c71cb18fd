from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from rules.lease import Lease
from storage.processes import ProcessesRepository, ProcessRow, Superseded

if TYPE_CHECKING:
    from storage.stores import Stores


def an_instance() -> str:
    return f"here:{uuid4().hex}"


async def row_of(processes: ProcessesRepository, instance: str) -> ProcessRow | None:
    rows = [row for row in await processes.list() if row.lease.owner == instance]
    return rows[0] if rows else None


async def test_each_incarnation_of_an_instance_has_the_next_epoch(stores: Stores) -> None:
    instance = an_instance()
    leases = [await stores.processes.register(instance, "server") for _ in range(3)]
    assert leases == [Lease(instance, 1), Lease(instance, 2), Lease(instance, 3)]


async def test_incarnations_begun_at_once_have_different_epochs(stores: Stores) -> None:
    instance = an_instance()
    register = stores.processes.register
    leases = await asyncio.gather(*(register(instance, "worker") for _ in range(8)))
    assert sorted(lease.epoch for lease in leases) == list(range(1, 9))


async def test_a_process_is_listed_with_a_beat_that_rises(stores: Stores) -> None:
    instance = an_instance()
    lease = await stores.processes.register(instance, "worker")
    before = await row_of(stores.processes, instance)
    await stores.processes.beat(lease)
    after = await row_of(stores.processes, instance)
    assert before is not None
    assert after is not None
    assert (before.lease, before.kind, before.pid) == (lease, "worker", os.getpid())
    assert after.beat == before.beat + 1


async def test_a_process_runs_until_it_ends_or_a_later_incarnation_begins(stores: Stores) -> None:
    instance = an_instance()
    is_running = stores.processes.is_running
    assert not await is_running(Lease(instance, 1))
    old = await stores.processes.register(instance, "server")
    assert await is_running(old)
    new = await stores.processes.register(instance, "server")
    assert (await is_running(old), await is_running(new)) == (False, True)
    await stores.processes.remove(new)
    assert not await is_running(new)


async def test_a_superseded_process_is_told_at_its_next_beat(stores: Stores) -> None:
    instance = an_instance()
    old = await stores.processes.register(instance, "server")
    new = await stores.processes.register(instance, "server")
    with pytest.raises(Superseded) as caught:
        await stores.processes.beat(old)
    assert caught.value.lease == old
    await stores.processes.remove(old)
    await stores.processes.beat(new)


async def test_a_removed_process_is_listed_no_more_and_its_epochs_go_on(stores: Stores) -> None:
    instance = an_instance()
    lease = await stores.processes.register(instance, "server")
    await stores.processes.remove(lease)
    assert await row_of(stores.processes, instance) is None
    with pytest.raises(Superseded):
        await stores.processes.beat(lease)
    again = await stores.processes.register(instance, "server")
    assert again == Lease(instance, lease.epoch + 1)
    await stores.processes.beat(again)
    assert await row_of(stores.processes, instance) is not None
