from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from structlog.testing import capture_logs
from tornado.testing import bind_unused_port

from rules.deliveries import SENDING_CHANNELS
from rules.kinds import Channel
from rules.lease import Lease
from storage.filing import Heading
from tasks import due
from tasks.due import (
    LOST_AFTER,
    REDELIVER_AFTER,
    UNBEGUN_LOST_AFTER,
    DueDeliveries,
    Found,
)
from tasks.hueys import Hueys, open_hueys
from tasks.liveness import Liveness
from tasks.queue import CHUNK_REFS, DeliveryQueue, DeliveryRef, Priority
from tests.tasks.conftest import insert_waiting, queued, refs_of
from tests.tasks.works import OURS, Works

Look = Callable[[Channel], Awaitable[Found]]

DEAD = Lease("dead/worker", 3)
NOBODY_IS_GONE = Liveness()


def look_of(
    works: Works,
    queue: DeliveryQueue,
    *,
    liveness: Liveness = NOBODY_IS_GONE,
    busy_tasks: int = 100,
    sends_here: bool = True,
) -> Look:
    deliveries = DueDeliveries(
        unsent=works.stores.unsent,
        deliveries=works.stores.deliveries,
        queue=queue,
        pauses=works.pauses,
        liveness=liveness,
        clock=works.clock,
        busy_tasks=dict.fromkeys(SENDING_CHANNELS, busy_tasks),
        send_here=works.deliverer.carry_out if sends_here else None,
    )
    return lambda channel: deliveries.look(channel, works.clock.store_now())


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


async def later_due(works: Works, channel: Channel) -> int:
    """Return how many will be due once what is queued now is taken for forgotten."""
    before = works.clock.store_now() + REDELIVER_AFTER + timedelta(seconds=1)
    unsent = works.stores.unsent
    return len(await unsent.due(channel.value, Heading.USUAL, before=before, limit=200))


async def test_what_is_due_is_queued_again_once(
    works: Works, hueys: Hueys, queue: DeliveryQueue
) -> None:
    waiting = await insert_waiting(works.stores, works.clock, 150)
    await insert_waiting(works.stores, works.clock, 1, due_in=timedelta(minutes=1))
    look = look_of(works, queue)
    for channel in (Channel.EMAIL, Channel.PUSH):
        assert await look(channel) == Found(150, 0)
        assert set(queued(hueys, channel)) == {ref for ref in waiting if ref.channel is channel}
        assert not await look(channel)
        assert await later_due(works, channel) == 151


async def test_what_was_deferred_may_be_claimed_once_it_is_due(
    works: Works, hueys: Hueys, queue: DeliveryQueue
) -> None:
    person = await works.person()
    ref = await works.queue(person, status="deferred")
    waiting = await works.queue(person, status="deferred", due_in=timedelta(seconds=30))
    assert await look_of(works, queue)(Channel.EMAIL) == Found(1, 0)
    assert queued(hueys, Channel.EMAIL) == [DeliveryRef(Channel.EMAIL, *ref)]
    await works.deliverer.carry_out(Channel.EMAIL, [ref, waiting])
    assert (await works.state(ref))["status"] == "sent"
    assert (await works.state(waiting))["status"] == "deferred"


async def test_a_busy_queue_is_given_nothing(works: Works, queue: DeliveryQueue) -> None:
    await insert_waiting(works.stores, works.clock, 1, channels=[Channel.EMAIL])
    queue.enqueue(refs_of(1, Channel.EMAIL))
    assert not await look_of(works, queue, busy_tasks=0)(Channel.EMAIL)
    assert await look_of(works, queue, busy_tasks=1)(Channel.EMAIL) == Found(1, 0)


async def test_a_channel_is_not_busy_because_another_is(works: Works, queue: DeliveryQueue) -> None:
    await insert_waiting(works.stores, works.clock, 1, channels=[Channel.PUSH])
    queue.enqueue(refs_of(1, Channel.SMS))
    assert await look_of(works, queue, busy_tasks=0)(Channel.PUSH) == Found(1, 0)


async def test_what_is_critical_is_queued_first_and_however_busy_the_queue_is(
    works: Works, hueys: Hueys, queue: DeliveryQueue
) -> None:
    person = await works.person()
    usual = await works.queue(person, due_in=timedelta(seconds=-9))
    critical = await works.queue(person, priority="critical")
    queue.enqueue([other := refs_of(1, Channel.EMAIL)[0]])
    look = look_of(works, queue, busy_tasks=0)
    assert await look(Channel.EMAIL) == Found(1, 0)
    assert not await look(Channel.EMAIL)
    assert await look_of(works, queue)(Channel.EMAIL) == Found(1, 0)
    assert [ref.notification_id for ref in queued(hueys, Channel.EMAIL)] == [
        critical[1],
        other.notification_id,
        usual[1],
    ]


async def test_what_is_critical_is_found_behind_any_backlog(
    works: Works, hueys: Hueys, queue: DeliveryQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(due, "AT_ONCE", 3)
    person = await works.person()
    for _ in range(4):
        await works.queue(person, due_in=timedelta(minutes=-9))
    critical = await works.queue(person, priority="critical")
    queue.enqueue([other := refs_of(1, Channel.EMAIL)[0]])
    assert await look_of(works, queue, busy_tasks=0)(Channel.EMAIL) == Found(1, 0)
    assert [ref.notification_id for ref in queued(hueys, Channel.EMAIL)] == [
        critical[1],
        other.notification_id,
    ]


async def test_what_is_of_no_campaign_is_found_behind_any_campaign_and_goes_before_it(
    works: Works, hueys: Hueys, queue: DeliveryQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(due, "AT_ONCE", 3)
    person = await works.person()
    campaign = [
        await works.queue(person, campaign_id=uuid4(), due_in=timedelta(minutes=-9))
        for _ in range(3)
    ]
    usual = await works.queue(person)
    in_queue = refs_of(CHUNK_REFS + 1, Channel.EMAIL)
    queue.enqueue(in_queue, priority=Priority.CAMPAIGN)
    assert await look_of(works, queue, busy_tasks=1)(Channel.EMAIL) == Found(1, 0)
    assert await look_of(works, queue, busy_tasks=3)(Channel.EMAIL) == Found(3, 0)
    last = refs_of(1, Channel.EMAIL)
    queue.enqueue(last)
    waiting = [ref.notification_id for ref in queued(hueys, Channel.EMAIL)]
    assert waiting[:2] == [usual[1], last[0].notification_id]
    assert set(waiting[-3:]) == {row_id for _, row_id in campaign}


async def test_what_a_full_queue_does_not_take_is_found_later(works: Works, hueys: Hueys) -> None:
    await insert_waiting(works.stores, works.clock, 150, channels=[Channel.PUSH])
    full = DeliveryQueue(hueys, max_queued_tasks=1)
    assert await look_of(works, full)(Channel.PUSH) == Found(100, 0)
    assert await later_due(works, Channel.PUSH) == 150


async def test_without_a_queue_it_is_sent_all_the_same(works: Works) -> None:
    socket, port = bind_unused_port()
    socket.close()
    hueys = open_hueys(f"redis://127.0.0.1:{port}/0")
    ref = await works.queue(await works.person())
    assert await look_of(works, DeliveryQueue(hueys))(Channel.EMAIL) == Found(1, 0)
    assert (await works.state(ref))["status"] == "sent"
    hueys.close()


async def test_a_dead_workers_are_queued_again_first_and_however_much_else_is_due(
    works: Works, hueys: Hueys, queue: DeliveryQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(due, "AT_ONCE", 3)
    await insert_waiting(
        works.stores, works.clock, 3, due_in=timedelta(minutes=-9), channels=[Channel.PUSH]
    )
    ref = await works.queue(await works.person(), Channel.PUSH)
    await claimed_by(works, DEAD, ref, Channel.PUSH, is_begun=False)
    queue.enqueue(refs_of(2 * CHUNK_REFS, Channel.PUSH))
    look = look_of(works, queue, liveness=await all_gone(works), busy_tasks=1)
    assert await look(Channel.PUSH) == Found(1, 1)
    assert queued(hueys, Channel.PUSH)[0] == DeliveryRef(Channel.PUSH, *ref)


async def test_all_that_a_dead_worker_had_is_recovered_by_one_look(
    works: Works, queue: DeliveryQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(due, "AT_ONCE", 3)
    refs = await insert_waiting(works.stores, works.clock, 7, channels=[Channel.PUSH])
    claim, then = uuid4(), works.clock.store_now() - timedelta(seconds=40)
    named = [(ref.recipient_id, ref.notification_id) for ref in refs]
    await works.stores.deliveries.claim("push", named, DEAD, claim=claim, at=then, recheck_at=then)
    look = look_of(works, queue, liveness=await all_gone(works))
    assert await look(Channel.PUSH) == Found(7, 7)


async def test_without_a_queue_and_with_nobody_to_send_it_stays_due(works: Works) -> None:
    socket, port = bind_unused_port()
    socket.close()
    hueys = open_hueys(f"redis://127.0.0.1:{port}/0")
    ref = await works.queue(await works.person())
    assert not await look_of(works, DeliveryQueue(hueys), sends_here=False)(Channel.EMAIL)
    assert (await works.state(ref))["status"] == "queued"
    hueys.close()


@pytest.mark.parametrize("channel", [Channel.EMAIL, Channel.PUSH, Channel.SMS])
async def test_what_a_dead_worker_had_only_claimed_is_sent_as_if_it_had_not(
    works: Works, queue: DeliveryQueue, channel: Channel
) -> None:
    ref = await works.queue(await works.person(), channel)
    await claimed_by(works, DEAD, ref, channel, is_begun=False)
    with capture_logs() as logs:
        assert await look_of(works, queue, liveness=await all_gone(works))(channel) == Found(1, 1)
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
    assert await look_of(works, queue, liveness=await all_gone(works))(channel) == Found(1, 1)
    state = await works.state(ref, channel)
    assert state["status"] == "queued"
    assert state["attempts"][0]["uncertain"] is True
    assert state["attempts"][0]["error"] == "the worker was lost"


async def test_an_sms_it_had_begun_is_left_to_an_operator(
    works: Works, queue: DeliveryQueue
) -> None:
    ref = await works.queue(await works.person(), Channel.SMS)
    await claimed_by(works, DEAD, ref, Channel.SMS, is_begun=True)
    look = look_of(works, queue, liveness=await all_gone(works))
    assert await look(Channel.SMS) == Found(0, 1)
    state = await works.state(ref, Channel.SMS)
    assert (state["status"], state["reason"], state["attention"]) == ("failed", "uncertain", True)


async def test_what_a_living_worker_sends_is_left_to_it(works: Works, queue: DeliveryQueue) -> None:
    ref = await works.queue(await works.person())
    await claimed_by(works, OURS, ref, Channel.EMAIL, is_begun=True)
    assert not await look_of(works, queue)(Channel.EMAIL)
    assert (await works.state(ref))["status"] == "sending"


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
    assert await look_of(works, queue)(Channel.EMAIL) == Found(1, 1)
    assert (await works.state(old))["status"] == "queued"
    assert (await works.state(young))["status"] == "sending"
