"""How long a worker may send, and what becomes of what it has in hand when that is over."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from rules.deliveries import Outcome, Sent, Transient
from rules.kinds import Channel
from storage.positions import PositionClock
from storage.stores import Stores
from tasks.cap_check import CapCheck
from tasks.letter import Device
from tasks.worker_lease import PERMITTED_FOR_S, WorkerLease
from tests.support.world import eventually
from tests.tasks.works import OURS, Works


class Clock:
    """A monotonic clock that tests move."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


async def test_who_was_silent_for_long_sends_nothing_and_gives_back(
    stores: Stores, clock: PositionClock, caps: CapCheck
) -> None:
    ours = Clock()
    works = Works(stores=stores, clock=clock, caps=caps, lease=WorkerLease(OURS, clock=ours))
    ours.now_s += PERMITTED_FOR_S
    ref = await works.queue(await works.person())
    with capture_logs() as logs:
        await works.deliverer.carry_out(Channel.EMAIL, [ref])
    assert [line["event"] for line in logs] == ["permit_expired"]
    assert works.senders[Channel.EMAIL].sent == []
    state = await works.state(ref)
    assert state["status"] == "queued"
    assert not state.keys() & {"claim", "attempts"}
    works.lease.note_beat(ours.now_s)
    await works.deliverer.carry_out(Channel.EMAIL, [ref])
    assert (await works.state(ref))["status"] == "sent"


async def test_who_is_stopped_on_the_way_hands_nothing_over(
    stores: Stores, clock: PositionClock, caps: CapCheck
) -> None:
    ours = Clock()
    works = Works(stores=stores, clock=clock, caps=caps, lease=WorkerLease(OURS, clock=ours))
    sender = works.senders[Channel.EMAIL]
    sender.gate.clear()
    ref = await works.queue(await works.person())
    carrying = asyncio.create_task(works.deliverer.carry_out(Channel.EMAIL, [ref]))
    await sender.holds(1)
    ours.now_s += PERMITTED_FOR_S
    sender.gate.set()
    await carrying
    assert sender.sent == []
    state = await works.state(ref)
    assert (state["status"], state["last_error"]) == ("queued", "permit expired")
    assert (len(state["attempts"]), state["forgiven"]) == (1, 1)


async def test_attempts_that_a_permit_cut_short_leave_five_that_count(
    stores: Stores, clock: PositionClock, caps: CapCheck
) -> None:
    ours = Clock()
    works = Works(stores=stores, clock=clock, caps=caps, lease=WorkerLease(OURS, clock=ours))
    sender = works.senders[Channel.EMAIL]
    ref = await works.queue(await works.person())

    async def carry_out_again() -> str:
        await works.deliverer.carry_out(Channel.EMAIL, [ref])
        later = works.clock.store_now() + timedelta(hours=2)
        await works.stores.deliveries.requeue("email", [ref], until=later)
        return str((await works.state(ref))["status"])

    for _ in range(3):
        works.lease.note_beat(ours.now_s)
        sender.gate.clear()
        carrying = asyncio.create_task(carry_out_again())
        await sender.holds(1)
        ours.now_s += PERMITTED_FOR_S
        sender.gate.set()
        assert await carrying == "queued"
    works.lease.note_beat(ours.now_s)
    sender.act = lambda *_: Transient("451", is_providers=False)
    assert [await carry_out_again() for _ in range(5)] == ["queued"] * 4 + ["dead"]
    assert len((await works.state(ref))["attempts"]) == 8


@pytest.mark.parametrize(
    ("told", "status", "forgiven"),
    [(Sent("one"), "queued", 1), (Transient("503"), "deferred", None)],
)
async def test_devices_that_the_permit_did_not_last_for_are_told_next(
    stores: Stores,
    clock: PositionClock,
    caps: CapCheck,
    told: Outcome,
    status: str,
    forgiven: int | None,
) -> None:
    ours = Clock()
    works = Works(stores=stores, clock=clock, caps=caps, lease=WorkerLease(OURS, clock=ours))
    person = await works.person()
    tokens = {f"{name}-{person}" for name in ("phone", "tablet")}
    for token in tokens:
        await works.device(person, token)

    def act(*_: object) -> Outcome:
        ours.now_s += PERMITTED_FOR_S
        return told

    sender = works.senders[Channel.PUSH]
    sender.act = act
    ref = await works.queue(person, Channel.PUSH)
    await works.deliverer.carry_out(Channel.PUSH, [ref])
    state = await works.state(ref, Channel.PUSH)
    assert (state["status"], state.get("forgiven")) == (status, forgiven)
    works.lease.note_beat(ours.now_s)
    sender.act = lambda *_: Sent("two")
    later = works.clock.store_now() + timedelta(hours=2)
    await works.stores.deliveries.requeue("push", [ref], until=later)
    await works.deliverer.carry_out(Channel.PUSH, [ref])
    assert (await works.state(ref, Channel.PUSH))["status"] == "sent"
    assert {to.token for _, to in sender.sent if isinstance(to, Device)} == tokens


async def test_what_is_on_its_way_when_the_permit_ends_is_recorded(
    stores: Stores, clock: PositionClock, caps: CapCheck
) -> None:
    ours = Clock()
    works = Works(
        stores=stores, clock=clock, caps=caps, lease=WorkerLease(OURS, clock=ours), concurrency=2
    )
    sender = works.senders[Channel.EMAIL]
    # The first to arrive waits, and the second is there when the time is over.
    sender.is_held = lambda _: sender.in_flight == 1
    sender.gate.clear()

    def act(*_: object) -> Outcome:
        ours.now_s += PERMITTED_FOR_S
        return Sent("id")

    sender.act = act
    person = await works.person()
    refs = [await works.queue(person) for _ in range(3)]
    carrying = asyncio.create_task(works.deliverer.carry_out(Channel.EMAIL, refs))

    async def is_expired() -> bool:
        return ours.now_s > 100.0

    await eventually(is_expired)
    sender.gate.set()
    await carrying
    assert len(sender.sent) == 1
    states = [(await works.state(ref))["status"] for ref in refs]
    assert sorted(states) == ["queued", "queued", "sent"]


async def test_what_was_taken_over_is_not_written_by_who_had_it(works: Works) -> None:
    sender = works.senders[Channel.EMAIL]
    sender.gate.clear()
    ref = await works.queue(await works.person())
    carrying = asyncio.create_task(works.deliverer.carry_out(Channel.EMAIL, [ref]))
    await sender.holds(1)
    now = works.clock.store_now()
    (claimed,) = await works.stores.unsent.claimed(
        "email", before=now + timedelta(minutes=1), limit=10
    )
    await works.stores.deliveries.release("email", [ref], claimed.claim, due_at=now)
    sender.gate.set()
    await carrying
    state = await works.state(ref)
    assert state["status"] == "queued"
    assert "sent_at" not in state
