"""Events are stored, given to their lanes, and carried out once."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from actors import fan_out_lane
from actors.claimer import Claim, Recover, TakeOver
from actors.dispatcher import EVENTS_AT_ONCE, Accept
from actors.flows.fan_out import FanOut
from actors.outcome import Outcome
from rules.events import Lane
from rules.lease import Lease
from storage.events import StoredEvent
from tests.actors.lanes.works import SOON_S, Works, fan_out, single
from tests.support.world import eventually


class _Never:
    """A flow that waits for ever."""

    planned = 0

    async def plan(self, event: StoredEvent) -> FanOut | None:
        self.planned += 1
        await asyncio.Event().wait()
        return None


async def _true(value: bool) -> bool:
    return value


async def test_accepted_events_are_carried_out_by_their_lanes(works: Works) -> None:
    events = [fan_out(), single(), single()]
    accepted = await works.accept(*events)
    assert (accepted.accepted, accepted.duplicates) == (3, 0)
    outcomes = await accepted.outcomes[Lane.SINGLE]
    assert set(outcomes) == {event.key for event in events[1:]}
    assert all(outcome == Outcome() for outcome in outcomes.values())
    assert await accepted.outcomes[Lane.FAN_OUT] == {}
    await works.carried_out(*events)
    await works.reach("done", *events)
    assert len(works.lanes.workload(Lane.SINGLE)) == 0


async def test_what_comes_in_one_request_is_carried_out_in_its_order(works: Works) -> None:
    events = [single() for _ in range(50)]
    accepted = await works.accept(*events, *events[::-1])
    assert (accepted.accepted, accepted.duplicates) == (50, 50)
    await accepted.outcomes[Lane.SINGLE]
    assert works.flow.carried_out == [event.key for event in events]


async def test_a_duplicate_in_the_same_batch_or_later_is_counted_and_not_done(works: Works) -> None:
    event = single()
    accepted = await works.accept(event, event)
    assert (accepted.accepted, accepted.duplicates) == (1, 1)
    again = await works.accept(event, single())
    assert (again.accepted, again.duplicates) == (1, 1)
    await eventually(lambda: _true(len(works.flow.carried_out) == 2))


async def test_waiting_requests_are_stored_together_and_answered_each(works: Works) -> None:
    shared = single()
    refs = [
        works.dispatcher.ask(Accept([shared]), block=False),
        works.dispatcher.ask(Accept([shared, single()]), block=False),
        works.dispatcher.ask(Accept([single() for _ in range(EVENTS_AT_ONCE)]), block=False),
    ]
    answers = [await ref for ref in refs]
    assert [(each.accepted, each.duplicates) for each in answers] == [
        (1, 0),
        (1, 1),
        (EVENTS_AT_ONCE, 0),
    ]


async def test_what_no_lane_has_room_for_is_nobodys_until_there_is_room(works: Works) -> None:
    workload = works.lanes.workload(Lane.FAN_OUT)
    others = [uuid4() for _ in range(workload.room)]
    assert all(workload.take(key) for key in others)
    event = fan_out()
    await works.accept(event)
    assert await works.states(event) == ["unowned"]
    await works.ask_claimer(Claim())
    assert await works.states(event) == ["unowned"]
    workload.let_go(others)
    await works.ask_claimer(Claim())
    await works.carried_out(event)


async def test_the_claimer_takes_what_is_of_the_lane_with_room(works: Works) -> None:
    events = of_many, of_one = fan_out(), single()
    await works.stores.events.accept(events, accepted_at=works.clock.store_now())
    await works.ask_claimer(Claim(Lane.SINGLE))
    await works.carried_out(of_one)
    assert await works.states(of_many) == ["unowned"]
    await works.ask_claimer(Claim(Lane.FAN_OUT))
    await works.carried_out(of_many)


async def test_room_that_new_events_took_while_others_were_claimed_leaves_those_to_anybody(
    works: Works,
) -> None:
    workload = works.lanes.workload(Lane.FAN_OUT)
    event = fan_out()
    await works.stores.events.accept([event], accepted_at=works.clock.store_now())
    claiming = works.claimer.ask(Claim(), block=False)
    # The claim is under way once the loop has turned; the dispatcher then takes all the room.
    await asyncio.sleep(0)
    while workload.room:
        workload.take(uuid4())
    await claiming
    assert await works.states(event) == ["unowned"]


async def test_room_is_told_of_once_there_is_some_again(works: Works) -> None:
    workload = works.lanes.workload(Lane.FAN_OUT)
    others = [uuid4() for _ in range(workload.room - 1)]
    assert all(workload.take(key) for key in others)
    first = fan_out()
    await works.accept(first)
    await works.reach("done", first)
    await eventually(lambda: _true(works.rooms == 1))
    workload.let_go(others)
    second = fan_out()
    await works.accept(second)
    await works.reach("done", second)
    await eventually(lambda: _true(second.key not in workload))
    assert works.rooms == 1


async def test_more_fan_outs_than_run_at_once_wait_their_turn(works: Works) -> None:
    events = [fan_out() for _ in range(fan_out_lane.RUNNING_AT_ONCE * 3)]
    await works.accept(*events)
    await works.carried_out(*events)


async def test_an_event_of_a_type_that_is_not_known_here_does_not_hold_up_others(
    works: Works,
) -> None:
    for make in (fan_out, single):
        unknown, known = replace(make(), type="no.such.type"), make()
        await works.accept(unknown, known)
        await works.reach("done", known)
        await works.reach("unowned", unknown)


async def test_an_event_of_a_lane_that_is_not_known_here_is_left_to_others(works: Works) -> None:
    event = replace(single(), lane="no such lane", lease=works.lease)
    await works.stores.events.accept([event], accepted_at=works.clock.store_now())
    await works.ask_claimer(Recover())
    assert await works.states(event) == ["unowned"]


async def test_an_event_that_is_in_hand_already_is_not_carried_out_twice(works: Works) -> None:
    dead = Lease(f"there:{uuid4()}", 1)
    event = replace(single(), lease=dead)
    await works.stores.events.accept([event], accepted_at=works.clock.store_now())
    assert works.lanes.workload(Lane.SINGLE).take(event.key)
    await works.ask_claimer(TakeOver(dead))
    assert await works.states(event) == ["pending"]
    assert works.flow.carried_out == []


async def test_a_lane_that_stops_leaves_its_events_to_others(works: Works) -> None:
    event = fan_out()
    never: Any = _Never()
    works.fan_outs.plan = never.plan
    await works.accept(*(fan_out() for _ in range(fan_out_lane.RUNNING_AT_ONCE)), event)
    await eventually(lambda: _true(never.planned == fan_out_lane.RUNNING_AT_ONCE))
    await works.supervisor.ref(Lane.FAN_OUT).stop_and_wait(deadline_s=SOON_S)
    assert await works.states(event) == ["unowned"]
    assert len(works.lanes.workload(Lane.FAN_OUT)) == 0


async def test_a_lane_refuses_what_it_does_not_take(works: Works) -> None:
    lane = works.supervisor.ref(Lane.FAN_OUT)
    with pytest.raises(TypeError):
        await lane.request("what is this", deadline_s=SOON_S)
