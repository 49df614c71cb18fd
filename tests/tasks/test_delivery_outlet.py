"""Deliveries at an outlet that is away, slow, or closing down."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from typing import Any

import pytest

from rules.channel_health import Circuit
from rules.deliveries import Sent, Transient
from rules.kinds import Channel
from rules.lease import Lease
from storage.deliveries import Ref
from storage.filing import Heading
from storage.positions import PositionClock
from storage.stores import Stores
from tasks.breaker import FIRST_OPEN_S, OPENS_AFTER
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


async def waiting(works: Works, count: int) -> list[Ref]:
    return [await works.queue(await works.person()) for _ in range(count)]


async def statuses(works: Works, refs: list[Ref]) -> list[str]:
    return sorted([(await works.state(ref))["status"] for ref in refs])


async def test_a_circuit_that_opens_on_the_way_keeps_the_rest_from_failing(works: Works) -> None:
    sender = works.senders[Channel.EMAIL]
    sender.act = lambda *_: Transient("503")
    refs = await waiting(works, 15)
    await works.deliverer.carry_out(Channel.EMAIL, refs)
    assert len(sender.sent) == OPENS_AFTER
    assert await statuses(works, refs) == ["deferred"] * 10 + ["queued"] * 5
    kept = [state for ref in refs if (state := await works.state(ref))["status"] == "queued"]
    for state in kept:
        assert not state.keys() & {"claim", "attempts"}
        rest = state["due_at"] - works.clock.store_now()
        assert timedelta() < rest < timedelta(seconds=FIRST_OPEN_S)


async def test_who_waits_for_a_slot_while_the_circuit_opens_begins_nothing(works: Works) -> None:
    outlet = works.deliverer._outlets[Channel.EMAIL]
    sender = works.senders[Channel.EMAIL]
    await outlet.slots.take(OPENS_AFTER)
    refs = await waiting(works, 2)
    carrying = asyncio.create_task(works.deliverer.carry_out(Channel.EMAIL, refs))

    async def is_waiting() -> bool:
        return outlet.slots.wanted_by > 0

    await eventually(is_waiting)
    for _ in range(OPENS_AFTER):
        outlet.breaker.fail(time.monotonic())
    outlet.slots.give(OPENS_AFTER)
    await carrying
    assert sender.sent == []
    assert await statuses(works, refs) == ["queued"] * 2
    assert outlet.slots.free == OPENS_AFTER


async def test_only_who_was_let_in_to_see_can_leave_room_for_another(works: Works) -> None:
    outlet = works.deliverer._outlets[Channel.EMAIL]
    sender = works.senders[Channel.EMAIL]
    before, probe, later = await waiting(works, 3)
    sender.is_held = lambda letter: letter.notification_id == probe[1]
    sender.gate.clear()
    await outlet.slots.take(OPENS_AFTER)
    old = asyncio.create_task(works.deliverer.carry_out(Channel.EMAIL, [before]))

    async def is_waiting() -> bool:
        return outlet.slots.wanted_by > 0

    await eventually(is_waiting)
    for _ in range(OPENS_AFTER):
        outlet.breaker.fail(time.monotonic() - FIRST_OPEN_S)
    probing = asyncio.create_task(works.deliverer.carry_out(Channel.EMAIL, [probe]))
    outlet.slots.give(OPENS_AFTER)
    await old
    await sender.holds(1)
    await works.deliverer.carry_out(Channel.EMAIL, [later])
    assert sender.sent == []
    sender.gate.set()
    await probing
    assert outlet.is_closed()
    assert await statuses(works, [before, probe, later]) == ["queued", "queued", "sent"]


async def test_a_probe_that_finds_the_provider_back_lets_all_through(works: Works) -> None:
    outlet = works.deliverer._outlets[Channel.EMAIL]
    for _ in range(OPENS_AFTER):
        outlet.breaker.fail(time.monotonic() - FIRST_OPEN_S)
    assert outlet.breaker.state(time.monotonic()) is Circuit.HALF_OPEN
    refs = await waiting(works, 3)
    await works.deliverer.carry_out(Channel.EMAIL, refs)
    assert await statuses(works, refs) == ["queued"] * 2 + ["sent"]
    await works.deliverer.carry_out(Channel.EMAIL, refs)
    assert await statuses(works, refs) == ["sent"] * 3


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
    refs = await waiting(works, 6)
    begun_at_s = time.monotonic()
    await works.deliverer.carry_out(Channel.EMAIL, refs)
    assert time.monotonic() - begun_at_s >= 1.0
    assert sender.most_in_flight <= 4
    assert await statuses(works, refs) == ["sent"] * 6


async def test_what_would_begin_too_late_by_the_rate_is_given_back_at_once(works: Works) -> None:
    outlet = paced(works, 0.01)
    refs = await waiting(works, 3)
    async with asyncio.timeout(30):
        await works.deliverer.carry_out(Channel.EMAIL, refs)
    assert await statuses(works, refs) == ["queued"] * 2 + ["sent"]
    # It took no part of the rate: the next may begin when it could before.
    assert outlet.pace.next_in_s(time.monotonic()) <= 100.0
    assert outlet.slots.free == OPENS_AFTER


async def test_what_has_ended_is_recorded_while_others_wait_for_the_rate(works: Works) -> None:
    paced(works, 0.05)
    first, second = await waiting(works, 2)
    carrying = asyncio.create_task(works.deliverer.carry_out(Channel.EMAIL, [first, second]))

    async def is_recorded() -> bool:
        return await statuses(works, [first, second]) == ["sending", "sent"]

    await eventually(is_recorded)
    works.lease.end_permits()
    await carrying


async def test_a_stop_does_not_wait_for_the_rate(works: Works) -> None:
    outlet = paced(works, 0.05)
    refs = await waiting(works, 2)
    carrying = asyncio.create_task(works.deliverer.carry_out(Channel.EMAIL, refs))

    async def is_waiting() -> bool:
        return outlet.slots.wanted_by > 0

    await eventually(is_waiting)
    works.lease.end_permits()
    async with asyncio.timeout(30):
        await carrying
    assert await statuses(works, refs) == ["queued", "sent"]
    assert (outlet.slots.wanted_by, outlet.slots.free) == (0, OPENS_AFTER)


async def test_a_stop_does_not_wait_for_a_slot(works: Works) -> None:
    sender = works.senders[Channel.EMAIL]
    sender.gate.clear()
    refs = await waiting(works, OPENS_AFTER)
    hanging = asyncio.create_task(works.deliverer.carry_out(Channel.EMAIL, refs))
    await sender.holds(OPENS_AFTER)
    others = await waiting(works, 2)
    carrying = asyncio.create_task(works.deliverer.carry_out(Channel.EMAIL, others))

    async def is_waiting() -> bool:
        return works.deliverer._outlets[Channel.EMAIL].slots.wanted_by > 0

    await eventually(is_waiting)
    works.lease.end_permits()
    async with asyncio.timeout(30):
        await carrying
    assert await statuses(works, others) == ["queued"] * 2
    sender.gate.set()
    await hanging


async def test_what_is_critical_begins_before_others_that_wait_for_a_slot(works: Works) -> None:
    sender = works.senders[Channel.EMAIL]
    # Of several places that are free at once the others have theirs as soon.
    slots = paced(works, concurrency=1).slots
    sender.gate.clear()
    (before,) = await waiting(works, 1)
    hanging = asyncio.create_task(works.deliverer.carry_out(Channel.EMAIL, [before]))
    await sender.holds(1)
    usual = await waiting(works, 3)
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


async def test_what_meets_an_open_circuit_is_due_when_it_may_be_tried_again(works: Works) -> None:
    outlet = works.deliverer._outlets[Channel.EMAIL]
    for _ in range(OPENS_AFTER):
        outlet.breaker.fail(time.monotonic())
    refs = await waiting(works, 3)
    await works.deliverer.carry_out(Channel.EMAIL, refs)
    assert works.senders[Channel.EMAIL].sent == []
    for ref in refs:
        state = await works.state(ref)
        rest = state["due_at"] - works.clock.store_now()
        assert state["status"] == "queued"
        assert timedelta(seconds=FIRST_OPEN_S - 5) < rest <= timedelta(seconds=FIRST_OPEN_S)


async def test_those_beside_a_probe_are_due_once_it_has_been_answered(works: Works) -> None:
    outlet = works.deliverer._outlets[Channel.EMAIL]
    for _ in range(OPENS_AFTER):
        outlet.breaker.fail(time.monotonic() - FIRST_OPEN_S)
    works.senders[Channel.EMAIL].act = lambda *_: Transient("503")
    refs = await waiting(works, 2)
    await works.deliverer.carry_out(Channel.EMAIL, refs)
    assert await statuses(works, refs) == ["deferred", "queued"]
    (left,) = [state for ref in refs if (state := await works.state(ref))["status"] == "queued"]
    rest = left["due_at"] - works.clock.store_now()
    assert timedelta(seconds=FIRST_OPEN_S) < rest <= timedelta(seconds=2 * FIRST_OPEN_S)


async def test_recipients_who_are_refused_for_now_open_no_circuit(works: Works) -> None:
    works.senders[Channel.EMAIL].act = lambda *_: Transient("451 4.7.1", is_providers=False)
    refs = await waiting(works, 2 * OPENS_AFTER)
    await works.deliverer.carry_out(Channel.EMAIL, refs)
    assert await statuses(works, refs) == ["deferred"] * 2 * OPENS_AFTER
    assert works.deliverer._outlets[Channel.EMAIL].is_closed()


async def test_who_is_told_to_stop_gives_back_what_is_not_with_the_provider(works: Works) -> None:
    sender = works.senders[Channel.EMAIL]
    sender.act = lambda *_: Sent("id")
    sender.gate.clear()
    refs = await waiting(works, 15)
    carrying = asyncio.create_task(works.deliverer.carry_out(Channel.EMAIL, refs))
    await sender.holds(OPENS_AFTER)
    works.lease.end_permits()
    sender.gate.set()
    await carrying
    # Not one had been handed over: the sender asks for its permit after the gate.
    assert sender.sent == []
    assert await statuses(works, refs) == ["queued"] * 15
    # It was no attempt of theirs.
    begun = [state for ref in refs if "attempts" in (state := await works.state(ref))]
    assert [state["forgiven"] for state in begun] == [1] * OPENS_AFTER
    now = works.clock.store_now() + timedelta(seconds=1)
    assert len(await works.stores.unsent.due("email", Heading.USUAL, before=now, limit=20)) == 15


async def test_what_has_ended_is_recorded_while_another_is_still_on_its_way(works: Works) -> None:
    sender = works.senders[Channel.EMAIL]
    slow, quick = await waiting(works, 2)
    sender.is_held = lambda letter: letter.notification_id == slow[1]
    sender.gate.clear()
    carrying = asyncio.create_task(works.deliverer.carry_out(Channel.EMAIL, [slow, quick]))

    async def is_recorded() -> bool:
        return await statuses(works, [slow, quick]) == ["sending", "sent"]

    await eventually(is_recorded)
    sender.gate.set()
    await carrying
    assert await statuses(works, [slow, quick]) == ["sent"] * 2


async def test_what_has_ended_waits_for_nothing_when_nothing_else_is_on_its_way(
    works: Works, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.delivery.GATHER_S", 3_600.0)
    refs = await waiting(works, 3 * OPENS_AFTER)
    # What has ended holds the slots of those that are behind it.
    async with asyncio.timeout(60):
        await works.deliverer.carry_out(Channel.EMAIL, refs)
    assert await statuses(works, refs) == ["sent"] * len(refs)
