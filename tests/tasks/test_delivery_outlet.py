"""Deliveries at an outlet that is away, or not quite back."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta

import pytest

from rules.channel_health import Circuit
from rules.deliveries import Transient
from rules.kinds import Channel
from rules.lease import Lease
from storage.positions import PositionClock
from storage.stores import Stores
from tasks.breaker import FIRST_OPEN_S, OPENS_AFTER
from tasks.cap_check import CapCheck
from tasks.worker_lease import WorkerLease
from tests.support.world import eventually
from tests.tasks.works import Works


@pytest.fixture
def works(stores: Stores, clock: PositionClock, caps: CapCheck) -> Works:
    lease = WorkerLease(Lease("tests/worker", 1))
    return Works(stores=stores, clock=clock, caps=caps, lease=lease, concurrency=OPENS_AFTER)


async def test_a_circuit_that_opens_on_the_way_keeps_the_rest_from_failing(works: Works) -> None:
    sender = works.senders[Channel.EMAIL]
    sender.act = lambda *_: Transient("503")
    refs = await works.waiting(15)
    await works.deliverer.carry_out(Channel.EMAIL, refs)
    assert len(sender.sent) == OPENS_AFTER
    assert await works.statuses(refs) == ["deferred"] * 10 + ["queued"] * 5
    kept = [state for ref in refs if (state := await works.state(ref))["status"] == "queued"]
    for state in kept:
        assert not state.keys() & {"claim", "attempts"}
        rest = state["due_at"] - works.clock.store_now()
        assert timedelta() < rest < timedelta(seconds=FIRST_OPEN_S)


async def test_who_waits_for_a_slot_while_the_circuit_opens_begins_nothing(works: Works) -> None:
    outlet = works.deliverer._outlets[Channel.EMAIL]
    sender = works.senders[Channel.EMAIL]
    await outlet.slots.take(OPENS_AFTER)
    refs = await works.waiting(2)
    carrying = asyncio.create_task(works.deliverer.carry_out(Channel.EMAIL, refs))

    async def is_waiting() -> bool:
        return outlet.slots.wanted_by > 0

    await eventually(is_waiting)
    for _ in range(OPENS_AFTER):
        outlet.breaker.fail(time.monotonic())
    outlet.slots.give(OPENS_AFTER)
    await carrying
    assert sender.sent == []
    assert await works.statuses(refs) == ["queued"] * 2
    assert outlet.slots.free == OPENS_AFTER


async def test_only_who_was_let_in_to_see_can_leave_room_for_another(works: Works) -> None:
    outlet = works.deliverer._outlets[Channel.EMAIL]
    sender = works.senders[Channel.EMAIL]
    before, probe, later = await works.waiting(3)
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
    assert await works.statuses([before, probe, later]) == ["queued", "queued", "sent"]


async def test_a_probe_that_finds_the_provider_back_lets_all_through(works: Works) -> None:
    outlet = works.deliverer._outlets[Channel.EMAIL]
    for _ in range(OPENS_AFTER):
        outlet.breaker.fail(time.monotonic() - FIRST_OPEN_S)
    assert outlet.breaker.state(time.monotonic()) is Circuit.HALF_OPEN
    refs = await works.waiting(3)
    await works.deliverer.carry_out(Channel.EMAIL, refs)
    assert await works.statuses(refs) == ["queued"] * 2 + ["sent"]
    await works.deliverer.carry_out(Channel.EMAIL, refs)
    assert await works.statuses(refs) == ["sent"] * 3


async def test_what_meets_an_open_circuit_is_due_when_it_may_be_tried_again(works: Works) -> None:
    outlet = works.deliverer._outlets[Channel.EMAIL]
    for _ in range(OPENS_AFTER):
        outlet.breaker.fail(time.monotonic())
    refs = await works.waiting(3)
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
    refs = await works.waiting(2)
    await works.deliverer.carry_out(Channel.EMAIL, refs)
    assert await works.statuses(refs) == ["deferred", "queued"]
    (left,) = [state for ref in refs if (state := await works.state(ref))["status"] == "queued"]
    rest = left["due_at"] - works.clock.store_now()
    assert timedelta(seconds=FIRST_OPEN_S) < rest <= timedelta(seconds=2 * FIRST_OPEN_S)


async def test_recipients_who_are_refused_for_now_open_no_circuit(works: Works) -> None:
    works.senders[Channel.EMAIL].act = lambda *_: Transient("451 4.7.1", is_providers=False)
    refs = await works.waiting(2 * OPENS_AFTER)
    await works.deliverer.carry_out(Channel.EMAIL, refs)
    assert await works.statuses(refs) == ["deferred"] * 2 * OPENS_AFTER
    assert works.deliverer._outlets[Channel.EMAIL].is_closed()
