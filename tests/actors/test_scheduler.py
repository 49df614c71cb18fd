"""Schedules become events when their time has come, by whichever process looks first."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest

from actors.dispatcher import Accept
from actors.due_schedules import PORTION, CarriedOut, DueSchedules
from actors.loop_actor import LoopActor
from actors.loop_ref import LoopActorRef
from actors.scheduler import LOOK_AHEAD, Planned, Scheduler, Wake
from rules.ids import request_key
from storage.client import StoreUnavailable
from storage.events import NewEvent
from storage.positions import PositionClock
from storage.schedules import LEFT_AFTER, Schedule
from storage.stores import Stores
from tests.support.world import eventually

if TYPE_CHECKING:
    from motor.motor_asyncio import AsyncIOMotorDatabase

    from storage.client import Document

SOON_S = 5.0
LATEST = datetime.max.replace(tzinfo=UTC)
MOMENT = timedelta(seconds=0.2)
REQUEST = {"sender_id": str(uuid4()), "priority": "normal", "title": "Bread"}


class Clock(PositionClock):
    """A clock that tests can move."""

    ahead = timedelta()

    def store_now(self) -> datetime:
        return super().store_now() + self.ahead


class Desk(LoopActor):
    """A dispatcher that keeps what it is given."""

    mailbox_limit = 10

    def __init__(self) -> None:
        super().__init__()
        self.accepted: list[NewEvent] = []
        self.failure: Exception | None = None

    def on_receive(self, message: Any) -> None:
        assert isinstance(message, Accept)
        if self.failure is not None:
            raise self.failure
        self.accepted += message.events


class Office:
    """A scheduler on its own."""

    def __init__(self, stores: Stores) -> None:
        self.stores = stores
        self.clock = Clock()
        self.desk = Desk()
        self.desk._start_actor_loop()
        self.due = DueSchedules(stores.schedules, self.clock)
        self.ref: LoopActorRef[Scheduler] = Scheduler.start(
            self.due, lambda: self.desk.actor_ref, self.clock
        )

    async def plan(self, *, ahead: timedelta = timedelta()) -> Schedule:
        now = self.clock.store_now()
        schedule = Schedule(
            id=uuid4(),
            sender=uuid4(),
            recipient_id=uuid4(),
            kind="welcome",
            title="Bread",
            send_at=now + ahead,
            created_at=now,
        )
        await self.stores.schedules.add(schedule, REQUEST)
        return schedule

    async def wake(self) -> None:
        await self.ref.request(Wake(), deadline_s=SOON_S)

    def sent(self) -> set[UUID]:
        return {event.key for event in self.desk.accepted}

    async def has_sent(self, *schedules: Schedule) -> None:
        keys = {request_key(schedule.id) for schedule in schedules}

        async def are_all() -> bool:
            return keys <= self.sent()

        await eventually(are_all)

    async def carry_out(self, **options: Any) -> CarriedOut:
        """Carry out without the actor what is due as of now."""

        async def accept(events: Sequence[NewEvent]) -> None:
            self.desk.accepted += events

        return await self.due.carry_out(accept, by=self.clock.store_now(), **options)


@pytest.fixture
async def office(stores: Stores, database: AsyncIOMotorDatabase[Document]) -> AsyncIterator[Office]:
    # What other tests left would be due too: the database is the module's.
    await database["schedules"].delete_many({})
    made = Office(stores)
    yield made
    await made.ref.stop_and_wait(deadline_s=SOON_S)
    await made.desk.actor_ref.stop_and_wait(deadline_s=SOON_S)


async def test_what_is_due_becomes_an_event_once(office: Office) -> None:
    schedule = await office.plan()
    for _ in range(2):
        await office.wake()
    (event,) = office.desk.accepted
    assert event.key == request_key(schedule.id)
    assert (event.type, event.occurred_at) == ("notification.requested", schedule.send_at)
    assert event.sender == UUID(REQUEST["sender_id"])
    assert event.data == {**REQUEST, "schedule_id": str(schedule.id)}
    assert await office.stores.schedules.due(by=LATEST, limit=10) == []


async def test_what_is_not_due_waits_and_is_known(office: Office) -> None:
    schedule = await office.plan(ahead=timedelta(hours=1))
    assert await office.carry_out() == CarriedOut(0, None, has_more=False)
    assert await office.carry_out(look_ahead=timedelta(hours=2)) == CarriedOut(
        0, schedule.send_at, has_more=False
    )
    assert office.desk.accepted == []


async def test_of_many_that_are_due_all_are_carried_out(office: Office) -> None:
    schedules = [await office.plan() for _ in range(PORTION + 3)]
    assert await office.carry_out() == CarriedOut(len(schedules), None, has_more=False)
    assert office.sent() == {request_key(schedule.id) for schedule in schedules}


async def test_as_many_as_are_asked_for_may_not_be_all(office: Office) -> None:
    office.due._found_at_once = 2
    schedules = [await office.plan() for _ in range(5)]
    assert await office.carry_out() == CarriedOut(2, None, has_more=True)
    await office.wake()
    await office.has_sent(*schedules)


async def test_it_wakes_by_itself_for_what_a_look_ahead_has_found(office: Office) -> None:
    schedule = await office.plan(ahead=MOMENT)
    await office.wake()
    assert office.desk.accepted == []
    await office.has_sent(schedule)


async def test_it_wakes_for_what_it_is_told_was_planned(office: Office) -> None:
    later, sooner = await office.plan(ahead=2 * MOMENT), await office.plan(ahead=MOMENT)
    for schedule in (later, sooner, later):
        office.ref.tell(Planned(schedule.send_at))
    await office.has_sent(sooner)
    assert office.sent() == {request_key(sooner.id)}
    await office.has_sent(later)


async def test_what_is_far_ahead_is_left_to_the_regular_looks(office: Office) -> None:
    far = office.clock.store_now() + LOOK_AHEAD + MOMENT
    await office.ref.request(Planned(far), deadline_s=SOON_S)
    soon = await office.plan(ahead=MOMENT)
    office.ref.tell(Planned(soon.send_at))
    await office.has_sent(soon)


async def test_what_was_claimed_and_not_accepted_is_due_again(office: Office) -> None:
    schedule = await office.plan()
    office.desk.failure = StoreUnavailable("away")
    await office.wake()
    office.desk.failure = None
    await office.wake()
    assert office.desk.accepted == []
    office.clock.ahead = LEFT_AFTER
    await office.wake()
    await office.has_sent(schedule)


async def test_two_that_look_at_once_share_what_is_due(office: Office) -> None:
    schedules = [await office.plan() for _ in range(10)]
    done = await asyncio.gather(*(office.carry_out() for _ in range(4)))
    assert sum(each.count for each in done) == 10
    assert len(office.desk.accepted) == 10
    await office.has_sent(*schedules)


async def test_another_message_is_refused_and_the_scheduler_goes_on(office: Office) -> None:
    with pytest.raises(TypeError):
        await office.ref.request("now", deadline_s=SOON_S)
    await office.wake()


async def test_stopped_it_wakes_no_more(office: Office) -> None:
    schedule = await office.plan(ahead=MOMENT)
    await office.wake()
    await office.ref.stop_and_wait(deadline_s=SOON_S)

    async def is_past() -> bool:
        return office.clock.store_now() > schedule.send_at + MOMENT

    await eventually(is_past)
    assert office.desk.accepted == []
