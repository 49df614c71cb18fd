"""Schedules become events when their time has come, by whichever process looks first."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest

from actors.dispatcher import Accept
from actors.due_schedules import (
    LOOK_BACK_EVERY,
    MOST_IN_RANGE,
    OTHERS_AFTER,
    PORTION,
    RECENT,
    CarriedOut,
    DueSchedules,
)
from actors.loop_actor import LoopActor
from actors.loop_ref import LoopActorRef
from actors.planning import planned_event
from actors.scheduler import LOOK_AHEAD, Planned, Scheduler, Wake
from rules.share import WHOLE, Share
from rules.slots import slot_of
from storage.client import StoreUnavailable
from storage.events import NewEvent
from storage.positions import PositionClock
from storage.schedules import LEFT_AFTER, PlannedEvent
from storage.stores import Stores
from tests.support.world import eventually

if TYPE_CHECKING:
    from motor.motor_asyncio import AsyncIOMotorDatabase

    from storage.client import Document

SOON_S = 30.0
MOMENT = timedelta(seconds=0.2)
LONG_AGO = timedelta(hours=3)
DATA = {"title": "Bread"}


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


def keys_of(planned: Iterable[PlannedEvent]) -> set[UUID]:
    return {each.event.key for each in planned}


class Office:
    """A scheduler on its own."""

    def __init__(self, stores: Stores) -> None:
        self.stores = stores
        self.clock = Clock()
        self.desk = Desk()
        self.desk._start_actor_loop()
        self.late_s: list[float] = []
        self.refs: list[LoopActorRef[Scheduler]] = []
        self.share()

    def share(self, *, of: int = MOST_IN_RANGE, share: Share = WHOLE) -> None:
        """Have what is carried out next carried out so many at a time, by a scheduler anew.

        `share` is what it takes before other processes do.
        """
        self.due = DueSchedules(
            self.stores.schedules,
            self.clock,
            note=self.late_s.append,
            most_in_range=of,
            share=lambda: share,
        )
        self.ref = Scheduler.start(self.due, lambda: self.desk.actor_ref, self.clock)
        self.refs.append(self.ref)

    async def plan(
        self,
        *,
        ahead: timedelta = timedelta(),
        at: datetime | None = None,
        is_critical: bool = False,
    ) -> PlannedEvent:
        planned = planned_event(
            "test",
            uuid4().hex,
            type="notification.requested",
            at=at or self.clock.store_now() + ahead,
            version=1,
            data=DATA,
            is_critical=is_critical,
        )
        await self.stores.schedules.plan([planned])
        return planned

    async def wake(self) -> None:
        await self.ref.request(Wake(), deadline_s=SOON_S)

    def sent(self) -> set[UUID]:
        return {event.key for event in self.desk.accepted}

    async def has_sent(self, *planned: PlannedEvent) -> None:
        keys = keys_of(planned)

        async def are_all() -> bool:
            return keys <= self.sent()

        await eventually(are_all)

    async def carry_out(self, by: datetime | None = None, **options: Any) -> CarriedOut:
        """Carry out without the actor what is due by then, by now unless told otherwise."""

        async def accept(events: Sequence[NewEvent]) -> None:
            self.desk.accepted += events

        return await self.due.carry_out(accept, by=by or self.clock.store_now(), **options)


@pytest.fixture
async def office(stores: Stores, database: AsyncIOMotorDatabase[Document]) -> AsyncIterator[Office]:
    # What other tests left would be due too: the database is the module's.
    await database["schedules"].delete_many({})
    made = Office(stores)
    yield made
    for ref in made.refs:
        await ref.stop_and_wait(deadline_s=SOON_S)
    await made.desk.actor_ref.stop_and_wait(deadline_s=SOON_S)


async def test_what_is_due_becomes_an_event_once(office: Office) -> None:
    planned = await office.plan()
    for _ in range(2):
        await office.wake()
    assert office.desk.accepted == [planned.event]
    assert (planned.event.occurred_at, planned.event.data) == (planned.at, DATA)
    assert await office.stores.schedules.waiting_count() == 0


async def test_what_is_not_due_waits_and_is_known(office: Office) -> None:
    schedule = await office.plan(ahead=timedelta(hours=1))
    assert await office.carry_out() == CarriedOut(0, None, has_more=False)
    assert await office.carry_out(look_ahead=timedelta(hours=2)) == CarriedOut(
        0, schedule.at, has_more=False
    )
    assert office.desk.accepted == []


async def test_of_many_that_are_due_all_are_carried_out(office: Office) -> None:
    office.share(of=2 * PORTION)
    schedules = [await office.plan() for _ in range(PORTION + 3)]
    assert await office.carry_out() == CarriedOut(len(schedules), None, has_more=False)
    assert office.sent() == keys_of(schedules)


async def test_more_than_a_share_is_carried_out_share_by_share(office: Office) -> None:
    office.share(of=4)
    recent = [await office.plan() for _ in range(10)]
    overdue = [await office.plan(ahead=-n * LONG_AGO) for n in range(1, 11)]
    done = await office.carry_out()
    assert 8 <= done.count < 20
    assert done.has_more
    await office.wake()
    await office.has_sent(*recent, *overdue)


async def test_a_backlog_holds_up_neither_what_is_due_now_nor_what_is_urgent(
    office: Office,
) -> None:
    office.share(of=2)
    overdue = [await office.plan(ahead=-LONG_AGO) for _ in range(20)]
    urgent = await office.plan(is_critical=True)
    await office.carry_out()
    now = await office.plan()
    done = await office.carry_out()
    assert keys_of([urgent, now]) <= office.sent()
    assert done.has_more
    assert not keys_of(overdue) <= office.sent()


async def test_what_came_in_while_nobody_looked_is_carried_out(office: Office) -> None:
    await office.carry_out()
    planned = [await office.plan(ahead=n * LONG_AGO) for n in range(1, 4)]
    office.clock.ahead = 4 * LONG_AGO
    assert await office.carry_out() == CarriedOut(3, None, has_more=False)
    assert office.sent() == keys_of(planned)


async def test_what_was_planned_far_in_the_past_is_found_in_a_while(office: Office) -> None:
    await office.carry_out()
    planned = await office.plan(ahead=-LONG_AGO)
    assert (await office.carry_out()).count == 0
    office.clock.ahead = LOOK_BACK_EVERY
    await office.carry_out()
    assert office.sent() == keys_of([planned])


async def test_how_late_each_was_is_noted(office: Office) -> None:
    await office.plan(ahead=-LONG_AGO)
    await office.carry_out()
    (late_s,) = office.late_s
    assert LONG_AGO.total_seconds() <= late_s < LONG_AGO.total_seconds() + 60


async def test_it_wakes_by_itself_for_what_a_look_ahead_has_found(office: Office) -> None:
    schedule = await office.plan(ahead=MOMENT)
    await office.wake()
    assert office.desk.accepted == []
    await office.has_sent(schedule)


async def test_it_wakes_for_what_it_is_told_was_planned(office: Office) -> None:
    later, sooner = await office.plan(ahead=2 * MOMENT), await office.plan(ahead=MOMENT)
    for schedule in (later, sooner, later):
        office.ref.tell(Planned(schedule.at))
    await office.has_sent(sooner)
    assert office.sent() == {sooner.event.key}
    await office.has_sent(later)


async def test_what_is_far_ahead_is_left_to_the_regular_looks(office: Office) -> None:
    far = office.clock.store_now() + LOOK_AHEAD + MOMENT
    await office.ref.request(Planned(far), deadline_s=SOON_S)
    soon = await office.plan(ahead=MOMENT)
    office.ref.tell(Planned(soon.at))
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


async def test_two_at_the_same_stroke_do_a_share_each(office: Office) -> None:
    """Both see all that is due; each takes its own first, and neither reaches for the other's."""
    at = office.clock.store_now() + MOMENT
    schedules = [await office.plan(at=at) for _ in range(40)]
    done: list[list[NewEvent]] = [[], []]

    async def carry_out(place: int) -> int:
        async def accept(events: Sequence[NewEvent]) -> None:
            done[place] += events

        due = DueSchedules(office.stores.schedules, office.clock, share=lambda: Share(place, 2))
        return (await due.carry_out(accept, by=at)).count

    counts = await asyncio.gather(carry_out(0), carry_out(1))
    for place, count in enumerate(counts):
        share = Share(place, 2)
        mine = [each for each in schedules if share.has(slot_of(each.id))]
        assert count == len(mine) > 0
        assert {event.key for event in done[place]} == keys_of(mine)


async def test_what_another_one_does_not_take_is_taken_a_moment_later(office: Office) -> None:
    planned = await office.plan()
    is_elsewhere = Share(0, 2).has(slot_of(planned.id))
    office.share(share=Share(int(is_elsewhere), 2))
    done = await office.carry_out(by=planned.at)
    assert done == CarriedOut(0, planned.at + OTHERS_AFTER, has_more=False)
    await office.wake()
    await office.has_sent(planned)


async def test_what_another_one_left_is_found_however_long_nobody_could_look(
    office: Office,
) -> None:
    """Right after a second has begun, what is left to another one was due in the one before."""
    by = office.clock.store_now().replace(microsecond=50_000)
    planned = await office.plan(at=by - OTHERS_AFTER / 2)
    is_elsewhere = Share(0, 2).has(slot_of(planned.id))
    office.share(share=Share(int(is_elsewhere), 2))
    assert (await office.carry_out(by=by)).count == 0
    # The other one was killed, and the store away.
    await office.carry_out(by=by + 2 * RECENT)
    assert office.sent() == keys_of([planned])


async def test_what_another_one_is_to_do_later_wakes_nobody_here(office: Office) -> None:
    schedules = [await office.plan(ahead=timedelta(hours=n)) for n in range(1, 9)]
    office.share(share=Share(0, 2))
    mine = [each.at for each in schedules if Share(0, 2).has(slot_of(each.id))]
    done = await office.carry_out(look_ahead=timedelta(hours=9))
    assert done == CarriedOut(0, min(mine, default=None), has_more=False)


async def test_a_backlog_is_shared_too_and_nothing_of_it_left(office: Office) -> None:
    schedules = [await office.plan(ahead=-n * LONG_AGO) for n in range(1, 21)]
    office.share(of=4, share=Share(0, 2))
    while (await office.carry_out()).has_more:
        pass
    assert office.sent() == keys_of(schedules)


async def test_another_message_is_refused_and_the_scheduler_goes_on(office: Office) -> None:
    with pytest.raises(TypeError):
        await office.ref.request("now", deadline_s=SOON_S)
    await office.wake()


async def test_stopped_it_wakes_no_more(office: Office) -> None:
    schedule = await office.plan(ahead=MOMENT)
    await office.wake()
    await office.ref.stop_and_wait(deadline_s=SOON_S)

    async def is_past() -> bool:
        return office.clock.store_now() > schedule.at + MOMENT

    await eventually(is_past)
    assert office.desk.accepted == []
