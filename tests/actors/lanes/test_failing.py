"""An event that fails holds up no other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest

from actors import retry
from actors.claimer import Recover
from actors.dispatcher import Accept, Dispatcher
from actors.workload import Workload
from rules.events import Lane
from storage.client import StoreUnavailable
from storage.events import NewEvent
from tests.actors.lanes.works import ATTEMPTS, SOON_S, Works, fan_out, single
from tests.support.actors import Away
from tests.support.world import eventually


def _is_alive(works: Works, lane: Lane) -> bool:
    return works.supervisor._children[lane].ref.is_alive()


async def _taken(workload: Workload, event: NewEvent) -> bool:
    return workload.take(event.key)


async def _let_go(workload: Workload, event: NewEvent) -> bool:
    return event.key not in workload


async def _true(value: bool) -> bool:
    return value


async def test_a_lane_that_is_down_leaves_its_events_to_be_found(works: Works) -> None:
    works.supervisor.ref(Lane.SINGLE).tell("what is this")
    await eventually(lambda: _true(not _is_alive(works, Lane.SINGLE)))
    event = single()
    accepted = await works.accept(event)
    assert accepted.outcomes == {}
    await eventually(lambda: _true(_is_alive(works, Lane.SINGLE)))
    await works.ask_claimer(Recover())
    await works.carried_out(event)


async def test_the_dispatcher_gives_room_back_when_the_store_is_away(works: Works) -> None:
    dispatcher = Dispatcher.start(Away(), works.lanes, works.clock, works.lease, works.tally)
    with pytest.raises(StoreUnavailable):
        await dispatcher.request(Accept([single()]), deadline_s=SOON_S)
    assert len(works.lanes.workload(Lane.SINGLE)) == 0
    await dispatcher.stop_and_wait(deadline_s=SOON_S)


@pytest.mark.parametrize("make", [fan_out, single], ids=["fan_out", "single"])
async def test_an_event_that_fails_is_put_off_and_then_given_up(
    make: Callable[[], NewEvent], works: Works
) -> None:
    event = make()
    works.flow.fails = lambda failing: LookupError("bad") if failing.key == event.key else None
    await works.accept(event)
    await works.reach("unowned", event)
    stored = event.stored(works.clock.store_now())
    for attempts, state in ((ATTEMPTS - 2, "unowned"), (ATTEMPTS - 1, "failed")):
        await works.stores.events._events.update_one(
            {"_id": event.key},
            {"$set": {"pending_owner": works.lease.owner, "epoch": works.lease.epoch}},
        )
        workload = works.lanes.workload(Lane(event.lane))
        await eventually(partial(_taken, workload, event))
        works.lanes.hand(Lane(event.lane), [replace(stored, attempts=attempts)])
        await works.reach(state, event)
    assert retry.ATTEMPTS == ATTEMPTS


async def test_one_bad_event_does_not_keep_the_others_of_its_batch(works: Works) -> None:
    good, bad, also_good = single(), single(), single()
    works.flow.fails = lambda event: LookupError("bad") if event.key == bad.key else None
    await works.accept(good, bad, also_good)
    await works.reach("done", good, also_good)
    await works.reach("unowned", bad)


async def test_an_event_that_fails_but_is_somebody_elses_by_now_is_left_alone(works: Works) -> None:
    for event in (fan_out(), single()):
        works.flow.fails = lambda _: LookupError("bad")
        stored = event.stored(works.clock.store_now())
        workload = works.lanes.workload(Lane(event.lane))
        assert workload.take(event.key)
        works.lanes.hand(Lane(event.lane), [stored])
        await eventually(partial(_let_go, workload, event))


@pytest.mark.parametrize("make", [fan_out, single], ids=["fan_out", "single"])
async def test_with_the_store_away_an_event_stays_ours_and_is_found_again(
    make: Callable[[], NewEvent], works: Works
) -> None:
    event = make()
    works.flow.fails = lambda _: StoreUnavailable("away")
    await works.accept(event)
    workload = works.lanes.workload(Lane(event.lane))
    await eventually(lambda: _true(event.key not in workload))
    assert await works.states(event) == ["pending"]
    works.flow.fails = lambda _: None

    async def is_carried_out() -> bool:
        await works.claimer.request(Recover(), deadline_s=SOON_S)
        return event.key in works.flow.carried_out

    await eventually(is_carried_out)


async def test_a_fan_out_whose_event_was_taken_over_stops(works: Works) -> None:
    event = fan_out()
    workload = works.lanes.workload(Lane.FAN_OUT)
    assert workload.take(event.key)
    works.lanes.hand(Lane.FAN_OUT, [event.stored(works.clock.store_now())])
    await works.carried_out(event)
    await eventually(lambda: _true(event.key not in workload))
