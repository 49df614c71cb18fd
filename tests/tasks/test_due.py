from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from huey import PriorityRedisHuey
from structlog.testing import capture_logs
from tornado.testing import bind_unused_port

from rules.kinds import Channel
from rules.lease import Lease
from storage.positions import PositionClock
from storage.stores import Stores
from tasks.cap_check import CapCheck
from tasks.due import (
    LOOK_AGAIN_AFTER,
    LOST_AFTER,
    REDELIVER_AFTER,
    UNBEGUN_LOST_AFTER,
    DueDeliveries,
    Found,
)
from tasks.liveness import Liveness
from tasks.queue import DeliveryQueue, DeliveryRef, open_huey
from tasks.worker_lease import WorkerLease
from tests.tasks.conftest import insert_waiting
from tests.tasks.works import Works

OURS, DEAD = Lease("tests/worker", 1), Lease("dead/worker", 3)
NOBODY_IS_GONE = Liveness()


@pytest.fixture
def works(stores: Stores, clock: PositionClock, caps: CapCheck) -> Works:
    return Works(stores=stores, clock=clock, caps=caps, lease=WorkerLease(OURS))


def due_of(
    works: Works,
    queue: DeliveryQueue,
    *,
    liveness: Liveness = NOBODY_IS_GONE,
    busy_tasks: int = 100,
    sends_here: bool = True,
) -> DueDeliveries:
    return DueDeliveries(
        deliveries=works.stores.deliveries,
        queue=queue,
        pauses=works.pauses,
        liveness=liveness,
        clock=works.clock,
        busy_tasks=busy_tasks,
        send_here=works.deliverer.carry_out if sends_here else None,
    )


def queued(huey: PriorityRedisHuey) -> set[DeliveryRef]:
    return {DeliveryRef.decode(encoded) for task in huey.pending() for encoded in task.args[0]}


async def all_gone(works: Works) -> Liveness:
    """Return a look at a list on which nobody is."""
    liveness = Liveness()
    liveness.observe([])
    return liveness


async def claimed_by(
    works: Works, lease: Lease, ref: tuple[UUID, UUID], channel: Channel, *, is_begun: bool
) -> None:
    """Leave a delivery as a worker that dies leaves it, long enough ago to be looked at."""
    claim, then = uuid4(), works.clock.store_now() - timedelta(seconds=40)
    await works.stores.deliveries.claim(
        channel.value, [ref], lease, claim=claim, at=then, recheck_at=then + timedelta(seconds=30)
    )
    if is_begun:
        assert await works.stores.deliveries.begin(channel.value, [ref], claim, at=then) == {ref}


async def test_what_is_due_is_queued_again_once(
    works: Works, huey: PriorityRedisHuey, queue: DeliveryQueue
) -> None:
    due = await insert_waiting(works.stores, works.clock, 150)
    await insert_waiting(works.stores, works.clock, 1, due_in=timedelta(minutes=1))
    look = due_of(works, queue).look
    assert await look(works.clock.store_now()) == Found(300, 0)
    assert queued(huey) == set(due)
    assert not await look(works.clock.store_now())
    later = works.clock.store_now() + REDELIVER_AFTER + timedelta(seconds=1)
    assert len(await works.stores.deliveries.due("email", before=later, limit=200)) == 151


async def test_what_was_deferred_may_be_claimed_once_it_is_due(
    works: Works, huey: PriorityRedisHuey, queue: DeliveryQueue
) -> None:
    person = await works.person()
    ref = await works.queue(person, status="deferred")
    waiting = await works.queue(person, status="deferred", due_in=timedelta(seconds=30))
    assert await due_of(works, queue).look(works.clock.store_now()) == Found(1, 0)
    assert queued(huey) == {DeliveryRef(Channel.EMAIL, *ref)}
    await works.deliverer.carry_out(Channel.EMAIL, [ref, waiting])
    assert (await works.state(ref))["status"] == "sent"
    assert (await works.state(waiting))["status"] == "deferred"


async def test_a_busy_queue_is_given_nothing(
    works: Works, huey: PriorityRedisHuey, queue: DeliveryQueue
) -> None:
    await insert_waiting(works.stores, works.clock, 1, channels=[Channel.EMAIL])
    queue.enqueue([DeliveryRef(Channel.PUSH, uuid4(), uuid4())])
    assert not await due_of(works, queue, busy_tasks=0).look(works.clock.store_now())
    assert await due_of(works, queue, busy_tasks=1).look(works.clock.store_now()) == Found(1, 0)


async def test_what_is_critical_is_queued_first_and_however_busy_the_queue_is(
    works: Works, huey: PriorityRedisHuey, queue: DeliveryQueue
) -> None:
    person = await works.person()
    usual = await works.queue(person, due_in=timedelta(seconds=-9))
    critical = await works.queue(person, priority="critical")
    queue.enqueue([DeliveryRef(Channel.PUSH, uuid4(), uuid4())])
    look = due_of(works, queue, busy_tasks=0).look
    assert await look(works.clock.store_now()) == Found(1, 0)
    assert not await look(works.clock.store_now())
    assert await due_of(works, queue).look(works.clock.store_now()) == Found(1, 0)
    assert [task.args[0][0][2] for task in huey.pending()][::2] == [str(critical[1]), str(usual[1])]


async def test_what_a_full_queue_does_not_take_is_found_later(
    works: Works, huey: PriorityRedisHuey
) -> None:
    await insert_waiting(works.stores, works.clock, 150, channels=[Channel.PUSH])
    full = DeliveryQueue(huey, max_queued_tasks=1)
    assert await due_of(works, full).look(works.clock.store_now()) == Found(100, 0)
    later = works.clock.store_now() + REDELIVER_AFTER + timedelta(seconds=1)
    assert len(await works.stores.deliveries.due("push", before=later, limit=200)) == 150


async def test_without_a_queue_it_is_sent_all_the_same(works: Works) -> None:
    socket, port = bind_unused_port()
    socket.close()
    huey = open_huey(f"redis://127.0.0.1:{port}/0")
    ref = await works.queue(await works.person())
    assert await due_of(works, DeliveryQueue(huey)).look(works.clock.store_now()) == Found(1, 0)
    assert (await works.state(ref))["status"] == "sent"
    huey.storage.pool.disconnect()


async def test_without_a_queue_and_with_nobody_to_send_it_stays_due(works: Works) -> None:
    socket, port = bind_unused_port()
    socket.close()
    huey = open_huey(f"redis://127.0.0.1:{port}/0")
    ref = await works.queue(await works.person())
    due = due_of(works, DeliveryQueue(huey), sends_here=False)
    assert not await due.look(works.clock.store_now())
    assert (await works.state(ref))["status"] == "queued"
    huey.storage.pool.disconnect()


@pytest.mark.parametrize("channel", [Channel.EMAIL, Channel.PUSH, Channel.SMS])
async def test_what_a_dead_worker_had_only_claimed_is_sent_as_if_it_had_not(
    works: Works, queue: DeliveryQueue, channel: Channel
) -> None:
    ref = await works.queue(await works.person(), channel)
    await claimed_by(works, DEAD, ref, channel, is_begun=False)
    with capture_logs() as logs:
        assert await due_of(works, queue, liveness=await all_gone(works)).look(
            works.clock.store_now()
        ) == Found(1, 1)
    assert [(line["event"], line["count"]) for line in logs] == [("deliveries_recovered", 1)]
    state = await works.state(ref, channel)
    assert state["status"] == "queued"
    assert not state.keys() & {"claim", "owner", "attempts"}


@pytest.mark.parametrize("channel", [Channel.EMAIL, Channel.PUSH])
async def test_what_it_had_begun_is_sent_again_and_recorded_as_uncertain(
    works: Works, queue: DeliveryQueue, channel: Channel
) -> None:
    ref = await works.queue(await works.person(), channel)
    await claimed_by(works, DEAD, ref, channel, is_begun=True)
    assert await due_of(works, queue, liveness=await all_gone(works)).look(
        works.clock.store_now()
    ) == Found(1, 1)
    state = await works.state(ref, channel)
    assert state["status"] == "queued"
    assert state["attempts"][0]["uncertain"] is True
    assert state["attempts"][0]["error"] == "the worker was lost"


async def test_an_sms_it_had_begun_is_left_to_an_operator(
    works: Works, queue: DeliveryQueue
) -> None:
    ref = await works.queue(await works.person(), Channel.SMS)
    await claimed_by(works, DEAD, ref, Channel.SMS, is_begun=True)
    assert await due_of(works, queue, liveness=await all_gone(works)).look(
        works.clock.store_now()
    ) == Found(0, 1)
    state = await works.state(ref, Channel.SMS)
    assert (state["status"], state["reason"], state["attention"]) == ("failed", "uncertain", True)


async def test_what_a_living_worker_sends_is_left_to_it(works: Works, queue: DeliveryQueue) -> None:
    ref = await works.queue(await works.person())
    await claimed_by(works, OURS, ref, Channel.EMAIL, is_begun=True)
    assert not await due_of(works, queue).look(works.clock.store_now())
    state = await works.state(ref)
    assert state["status"] == "sending"
    assert state["due_at"] > works.clock.store_now()


@pytest.mark.parametrize(
    ("lost_after", "is_begun"), [(UNBEGUN_LOST_AFTER, False), (LOST_AFTER, True)]
)
async def test_what_was_claimed_long_ago_nobody_is_sending(
    works: Works, queue: DeliveryQueue, lost_after: timedelta, *, is_begun: bool
) -> None:
    young, old = [await works.queue(await works.person()) for _ in range(2)]
    now = works.clock.store_now()
    for ref, ago in ((young, lost_after - timedelta(seconds=20)), (old, lost_after)):
        claim, then = uuid4(), now - ago
        await works.stores.deliveries.claim(
            "email", [ref], OURS, claim=claim, at=then, recheck_at=then
        )
        if is_begun:
            await works.stores.deliveries.begin("email", [ref], claim, at=then)
    assert await due_of(works, queue).look(works.clock.store_now()) == Found(1, 1)
    assert (await works.state(old))["status"] == "queued"
    kept = await works.state(young)
    assert kept["status"] == "sending"
    assert kept["due_at"] - now < LOOK_AGAIN_AFTER + timedelta(seconds=5)
