"""A paused channel sends nothing and loses nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID, uuid4

import pytest

from rules.deliveries import SENDING_CHANNELS
from rules.kinds import Channel
from rules.lease import Lease
from storage.positions import PositionClock
from storage.stores import Stores
from tasks.cap_check import CapCheck
from tasks.due import DueDeliveries, Found
from tasks.hueys import Hueys
from tasks.liveness import Liveness
from tasks.pauses import GOOD_FOR_S, ChannelPaused, Pauses
from tasks.queue import DeliveryQueue, DeliveryRef
from tasks.worker_lease import WorkerLease
from tests.tasks.conftest import queued
from tests.tasks.works import Works

Look = Callable[[Channel], Awaitable[Found]]

OPERATOR = UUID(int=7)


@pytest.fixture
def works(stores: Stores, clock: PositionClock, caps: CapCheck) -> Works:
    return Works(
        stores=stores,
        clock=clock,
        caps=caps,
        lease=WorkerLease(Lease("tests/worker", 1)),
        concurrency=1,
    )


@pytest.fixture(autouse=True)
async def _all_on(stores: Stores, clock: PositionClock) -> None:
    for channel in ("email", "push", "sms"):
        await stores.channels.switch(channel, is_paused=False, by=OPERATOR, at=clock.store_now())


async def switch(works: Works, channel: Channel, *, is_paused: bool) -> None:
    await works.stores.channels.switch(
        channel.value, is_paused=is_paused, by=OPERATOR, at=works.clock.store_now()
    )


def look_of(works: Works, queue: DeliveryQueue) -> Look:
    due = DueDeliveries(
        unsent=works.stores.unsent,
        deliveries=works.stores.deliveries,
        queue=queue,
        pauses=works.pauses,
        liveness=Liveness(),
        clock=works.clock,
        busy_tasks=dict.fromkeys(SENDING_CHANNELS, 100),
    )
    return lambda channel: due.look(channel, works.clock.store_now())


async def test_what_comes_for_a_paused_channel_waits_and_is_sent_after_it(
    works: Works, hueys: Hueys, queue: DeliveryQueue
) -> None:
    ref = await works.queue(await works.person())
    look = look_of(works, queue)
    assert await look(Channel.EMAIL) == Found(1, 0)
    await switch(works, Channel.EMAIL, is_paused=True)
    await works.deliverer.carry_out(Channel.EMAIL, [ref])
    assert works.senders[Channel.EMAIL].sent == []
    state = await works.state(ref)
    assert (state["status"], "attempts" in state) == ("queued", False)
    hueys.redis.flushdb()
    assert not await look(Channel.EMAIL)
    await switch(works, Channel.EMAIL, is_paused=False)
    # At once, not after the minute in which a queued one may be on its way.
    assert await look(Channel.EMAIL) == Found(1, 0)
    assert queued(hueys, Channel.EMAIL) == [DeliveryRef(Channel.EMAIL, *ref)]
    await works.deliverer.carry_out(Channel.EMAIL, [ref])
    assert (await works.state(ref))["status"] == "sent"


async def test_other_channels_go_on(works: Works, queue: DeliveryQueue) -> None:
    await switch(works, Channel.SMS, is_paused=True)
    person = await works.person()
    email, sms = await works.queue(person), await works.queue(person, Channel.SMS)
    look = look_of(works, queue)
    assert [await look(channel) for channel in (Channel.EMAIL, Channel.SMS)] == [
        Found(1, 0),
        Found(0, 0),
    ]
    await works.deliverer.carry_out(Channel.SMS, [sms])
    await works.deliverer.carry_out(Channel.EMAIL, [email])
    assert (await works.state(sms, Channel.SMS))["status"] == "queued"
    assert (await works.state(email))["status"] == "sent"


async def test_a_pause_breaks_off_what_was_taken_together(works: Works) -> None:
    sender = works.senders[Channel.EMAIL]
    refs = [await works.queue(await works.person()) for _ in range(4)]
    sender.gate.clear()
    carried = asyncio.create_task(works.deliverer.carry_out(Channel.EMAIL, refs))
    await sender.holds(1)
    await switch(works, Channel.EMAIL, is_paused=True)
    sender.gate.set()
    await carried
    states = [await works.state(ref) for ref in refs]
    assert sorted(state["status"] for state in states) == ["queued"] * 3 + ["sent"]
    # What was not begun is free for whoever comes next.
    assert all("claim" not in state for state in states)


async def test_a_worker_learns_of_a_pause_within_a_second(works: Works) -> None:
    now_s = 0.0
    pauses = Pauses(works.stores.channels, clock=lambda: now_s)
    await pauses.check(Channel.PUSH)
    await switch(works, Channel.PUSH, is_paused=True)
    await pauses.check(Channel.PUSH)
    now_s += GOOD_FOR_S
    with pytest.raises(ChannelPaused) as raised:
        await pauses.check(Channel.PUSH)
    assert raised.value.channel is Channel.PUSH
    await pauses.check(Channel.EMAIL)


async def test_a_pause_that_is_asked_for_again_changes_nothing(works: Works) -> None:
    at = works.clock.store_now()
    switch = works.stores.channels.switch
    first = await switch("email", is_paused=True, by=OPERATOR, at=at)
    assert await switch("email", is_paused=True, by=uuid4(), at=works.clock.store_now()) == first
