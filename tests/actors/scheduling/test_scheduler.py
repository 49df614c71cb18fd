"""Schedules become events when their time has come."""

from __future__ import annotations

from datetime import timedelta

import pytest

from actors.due_schedules import LOOK_BACK_EVERY, PORTION, CarriedOut
from actors.scheduler import LOOK_AHEAD, Planned
from storage.client import StoreUnavailable
from storage.schedules import LEFT_AFTER
from tests.actors.scheduling.office import DATA, LONG_AGO, MOMENT, SOON_S, Office, keys_of
from tests.support.world import eventually


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
