"""What nobody has any more is found and carried out."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

import pytest

from actors.claimer import AT_ONCE, MOST_TAKEOVERS, Claim, Claimer, Recover, TakeOver
from actors.subject_lane import PORTION
from rules.events import Lane
from rules.lease import Lease
from storage.client import StoreUnavailable
from storage.events import StoredEvent
from tests.actors.lanes.works import SOON_S, Works, fan_out, single
from tests.support.actors import Away
from tests.support.world import eventually


async def _true(value: bool) -> bool:
    return value


async def test_events_of_a_dead_process_are_taken_over_and_it_is_struck_off(works: Works) -> None:
    dead = await works.stores.processes.register(f"there:{uuid4()}", "server")
    events = [replace(fan_out(), lease=dead), replace(single(), lease=dead)]
    await works.stores.events.accept(events, accepted_at=works.clock.store_now())
    await works.ask_claimer(TakeOver(dead))
    await works.carried_out(*events)
    await works.reach("done", *events)
    assert dead not in [row.lease for row in await works.stores.processes.list()]


async def test_events_of_its_own_former_incarnation_are_taken_over(works: Works) -> None:
    former = Lease(works.lease.owner, works.lease.epoch - 1)
    event = replace(fan_out(), lease=former)
    await works.stores.events.accept([event], accepted_at=works.clock.store_now())
    await works.ask_claimer(TakeOver(former))
    await works.carried_out(event)
    assert works.lease in [row.lease for row in await works.stores.processes.list()]


async def test_taken_over_events_without_room_are_left_to_others(works: Works) -> None:
    workload = works.lanes.workload(Lane.FAN_OUT)
    assert all(workload.take(uuid4()) for _ in range(workload.room))
    dead = Lease(f"there:{uuid4()}", 1)
    event = replace(fan_out(), lease=dead)
    await works.stores.events.accept([event], accepted_at=works.clock.store_now())
    await works.ask_claimer(TakeOver(dead))
    assert await works.states(event) == ["unowned"]


async def test_what_a_failed_lane_forgot_is_found_again(works: Works) -> None:
    event = replace(single(), lease=works.lease)
    await works.stores.events.accept([event], accepted_at=works.clock.store_now())
    await works.ask_claimer(Recover())
    await works.carried_out(event)


async def test_two_survivors_leave_nothing_of_a_dead_process(works: Works) -> None:
    dead = await works.stores.processes.register(f"there:{uuid4()}", "server")
    events = [replace(single(), lease=dead) for _ in range(3 * AT_ONCE)]
    await works.stores.events.accept(events, accepted_at=works.clock.store_now())
    other = Claimer.start(
        events=works.stores.events,
        processes=works.stores.processes,
        lanes=works.lanes,
        clock=works.clock,
        lease=works.lease,
    )
    first = works.claimer.ask(TakeOver(dead), block=False)
    second = other.ask(TakeOver(dead), block=False)
    await first
    await second
    assert not await works.stores.events.has_pending(dead.owner, below_epoch=dead.epoch + 1)
    await other.stop_and_wait(deadline_s=SOON_S)


async def test_what_a_former_incarnation_had_is_found_again_at_any_time(works: Works) -> None:
    former = Lease(works.lease.owner, works.lease.epoch - 1)
    event = replace(single(), lease=former)
    await works.stores.events.accept([event], accepted_at=works.clock.store_now())
    await works.ask_claimer(Recover())
    await works.carried_out(event)


async def test_an_event_whose_owners_keep_dying_is_given_up(works: Works) -> None:
    dead = Lease(f"there:{uuid4()}", 1)
    event = replace(single(), lease=dead)
    await works.stores.events.accept([event], accepted_at=works.clock.store_now())
    await works.stores.events._events.update_one(
        {"_id": event.key}, {"$set": {"takeovers": MOST_TAKEOVERS}}
    )
    await works.ask_claimer(TakeOver(dead))
    assert await works.states(event) == ["failed"]
    assert works.flow.carried_out == []


async def test_a_backlog_larger_than_one_write_keeps_its_progress(works: Works) -> None:
    events = [single() for _ in range(3 * PORTION)]
    carried: list[int] = []

    def away_after_one_portion(_: StoredEvent) -> Exception | None:
        carried.append(1)
        return StoreUnavailable("away") if len(carried) > PORTION else None

    works.flow.fails = away_after_one_portion
    await works.accept(*events)
    await eventually(lambda: _true(len(works.lanes.workload(Lane.SINGLE)) == 0))
    assert (await works.states(*events)).count("done") == PORTION


async def test_the_claimer_outlives_a_store_that_is_away(works: Works) -> None:
    claimer = Claimer.start(
        events=Away(),
        processes=works.stores.processes,
        lanes=works.lanes,
        clock=works.clock,
        lease=works.lease,
    )
    await claimer.request(Claim(), deadline_s=SOON_S)
    with pytest.raises(TypeError):
        await claimer.request("what is this", deadline_s=SOON_S)
    await claimer.stop_and_wait(deadline_s=SOON_S)
