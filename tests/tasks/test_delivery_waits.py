"""Deliveries that wait: for the rate, for a slot, for the end of others."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from typing import Any

import pytest

from rules.deliveries import Sent
from rules.kinds import Channel
from rules.lease import Lease
from storage.deliveries import Ref
from storage.filing import Heading
from storage.positions import PositionClock
from storage.stores import Stores
from tasks.breaker import OPENS_AFTER
from tasks.cap_check import CapCheck
from tasks.outlet import Outlet
from tasks.worker_lease import WorkerLease
from tests.support.world import eventually
from tests.tasks.senders import outlet_of
from tests.tasks.works import Works


@pytest.fixture
def works(stores: Stores, clock: PositionClock, caps: CapCheck) -> Works:
    lease = WorkerLease(Lease("tests/worker", 1))
    return Works(stores=stores, clock=clock, caps=caps, lease=lease, concurrency=OPENS_AFTER)


def paced(
    works: Works, rate: float | None = None, *, concurrency: int = OPENS_AFTER
) -> Outlet[Any]:
    """Give emails an outlet with a rate, or with other places."""
    outlet = outlet_of(works.senders[Channel.EMAIL], concurrency=concurrency, rate=rate)
    works.deliverer._outlets = {**works.deliverer._outlets, Channel.EMAIL: outlet}
    return outlet


async def test_a_rate_lets_no_more_begin_at_once_than_a_second_has(works: Works) -> None:
    paced(works, 4.0)
    sender = works.senders[Channel.EMAIL]
    refs = await works.waiting(6)
    begun_at_s = time.monotonic()
    await works.deliverer.carry_out(Channel.EMAIL, refs)
    assert time.monotonic() - begun_at_s >= 1.0
    assert sender.most_in_flight <= 4
    assert await works.statuses(refs) == ["sent"] * 6


async def test_what_would_begin_too_late_by_the_rate_is_given_back_at_once(works: Works) -> None:
    outlet = paced(works, 0.01)
    refs = await works.waiting(3)
    async with asyncio.timeout(30):
        await works.deliverer.carry_out(Channel.EMAIL, refs)
    assert await works.statuses(refs) == ["queued"] * 2 + ["sent"]
    # It took no part of the rate: the next may begin when it could before.
    assert outlet.pace.next_in_s(time.monotonic()) <= 100.0
    assert outlet.slots.free == OPENS_AFTER


async def test_what_has_ended_is_recorded_while_others_wait_for_the_rate(works: Works) -> None:
    paced(works, 0.05)
    first, second = await works.waiting(2)
    carrying = asyncio.create_task(works.deliverer.carry_out(Channel.EMAIL, [first, second]))

    async def is_recorded() -> bool:
        return await works.statuses([first, second]) == ["sending", "sent"]

    await eventually(is_recorded)
    works.lease.end_permits()
    await carrying


async def test_a_stop_does_not_wait_for_the_rate(works: Works) -> None:
    outlet = paced(works, 0.05)
    refs = await works.waiting(2)
    carrying = asyncio.create_task(works.deliverer.carry_out(Channel.EMAIL, refs))

    async def is_waiting() -> bool:
        return outlet.slots.wanted_by > 0

    await eventually(is_waiting)
    works.lease.end_permits()
    async with asyncio.timeout(30):
        await carrying
    assert await works.statuses(refs) == ["queued", "sent"]
    assert (outlet.slots.wanted_by, outlet.slots.free) == (0, OPENS_AFTER)


async def test_a_stop_does_not_wait_for_a_slot(works: Works) -> None:
    sender = works.senders[Channel.EMAIL]
    sender.gate.clear()
    refs = await works.waiting(OPENS_AFTER)
    hanging = asyncio.create_task(works.deliverer.carry_out(Channel.EMAIL, refs))
    await sender.holds(OPENS_AFTER)
    others = await works.waiting(2)
    carrying = asyncio.create_task(works.deliverer.carry_out(Channel.EMAIL, others))

    async def is_waiting() -> bool:
        return works.deliverer._outlets[Channel.EMAIL].slots.wanted_by > 0

    await eventually(is_waiting)
    works.lease.end_permits()
    async with asyncio.timeout(30):
        await carrying
    assert await works.statuses(others) == ["queued"] * 2
    sender.gate.set()
    await hanging


async def test_what_is_critical_begins_before_others_that_wait_for_a_slot(works: Works) -> None:
    sender = works.senders[Channel.EMAIL]
    # Of several places that are free at once the others have theirs as soon.
    slots = paced(works, concurrency=1).slots
    sender.gate.clear()
    (before,) = await works.waiting(1)
    hanging = asyncio.create_task(works.deliverer.carry_out(Channel.EMAIL, [before]))
    await sender.holds(1)
    usual = await works.waiting(3)
    critical = await works.queue(await works.person(), priority="critical")

    async def begin_to_wait(refs: list[Ref], place: int) -> asyncio.Task[None]:
        carrying = asyncio.create_task(works.deliverer.carry_out(Channel.EMAIL, refs))

        async def is_waiting() -> bool:
            return slots.wanted_by == place

        await eventually(is_waiting)
        return carrying

    tasks = [await begin_to_wait(usual, 1), await begin_to_wait([critical], 2)]
    sender.gate.set()
    await asyncio.gather(hanging, *tasks)
    order = [letter.notification_id for letter, _ in sender.sent]
    assert order[:2] == [before[1], critical[1]]
    assert len(order) == 5


async def test_who_is_told_to_stop_gives_back_what_is_not_with_the_provider(works: Works) -> None:
    sender = works.senders[Channel.EMAIL]
    sender.act = lambda *_: Sent("id")
    sender.gate.clear()
    refs = await works.waiting(15)
    carrying = asyncio.create_task(works.deliverer.carry_out(Channel.EMAIL, refs))
    await sender.holds(OPENS_AFTER)
    works.lease.end_permits()
    sender.gate.set()
    await carrying
    # Not one had been handed over: the sender asks for its permit after the gate.
    assert sender.sent == []
    assert await works.statuses(refs) == ["queued"] * 15
    # It was no attempt of theirs.
    begun = [state for ref in refs if "attempts" in (state := await works.state(ref))]
    assert [state["forgiven"] for state in begun] == [1] * OPENS_AFTER
    now = works.clock.store_now() + timedelta(seconds=1)
    assert len(await works.stores.unsent.due("email", Heading.USUAL, before=now, limit=20)) == 15


async def test_what_has_ended_is_recorded_while_another_is_still_on_its_way(works: Works) -> None:
    sender = works.senders[Channel.EMAIL]
    slow, quick = await works.waiting(2)
    sender.is_held = lambda letter: letter.notification_id == slow[1]
    sender.gate.clear()
    carrying = asyncio.create_task(works.deliverer.carry_out(Channel.EMAIL, [slow, quick]))

    async def is_recorded() -> bool:
        return await works.statuses([slow, quick]) == ["sending", "sent"]

    await eventually(is_recorded)
    sender.gate.set()
    await carrying
    assert await works.statuses([slow, quick]) == ["sent"] * 2


async def test_what_has_ended_waits_for_nothing_when_nothing_else_is_on_its_way(
    stores: Stores, clock: PositionClock, caps: CapCheck
) -> None:
    lease = WorkerLease(Lease("tests/worker", 1))
    patient = Works(
        stores=stores, clock=clock, caps=caps, lease=lease, concurrency=2, gather_s=3_600.0
    )
    refs = await patient.waiting(6)
    # What has ended holds the slots of those that are behind it.
    async with asyncio.timeout(60):
        await patient.deliverer.carry_out(Channel.EMAIL, refs)
    assert await patient.statuses(refs) == ["sent"] * len(refs)
