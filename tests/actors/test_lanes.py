"""How events get from acceptance to being carried out, and what happens when something fails."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest

from actors import fan_out_lane, retry, shares
from actors.claimer import AT_ONCE, MOST_TAKEOVERS, Claim, Claimer, Recover, TakeOver
from actors.directory import Directory
from actors.dispatcher import EVENTS_AT_ONCE, Accept, Accepted, Dispatcher
from actors.fan_out_lane import FanOutLane, GivenUp
from actors.flows.fan_out import FanOut
from actors.flows.plan import ReadModelFlow
from actors.lanes import Lanes
from actors.loop_ref import LoopActorRef
from actors.outcome import Outcome
from actors.publisher import Publisher
from actors.socket_events import SocketEvents
from actors.subject_lane import PORTION, SubjectLane
from actors.supervisor import Supervisor
from actors.tally import Tally
from actors.workload import Workload
from rules.events import Lane
from rules.lease import Lease
from storage.client import StoreUnavailable
from storage.events import NewEvent, StoredEvent
from storage.names import NameResolver
from storage.positions import PositionClock
from storage.stores import Stores
from tests.storage.samples import an_event
from tests.support.actors import Away, RecordingBus, RecordingQueue, no_caps
from tests.support.world import eventually

SOON_S = 30.0
ATTEMPTS = 5


class Flow(ReadModelFlow):
    """A flow that keeps what it is given, and does what the test says."""

    def __init__(self) -> None:
        self.carried_out: list[UUID] = []
        self.fails: Callable[[StoredEvent], Exception | None] = lambda _: None

    async def apply(self, events: Sequence[StoredEvent]) -> None:
        for event in events:
            if (error := self.fails(event)) is not None:
                raise error
        self.carried_out += [event.key for event in events]


class FanOuts:
    """The same for fan-outs, which reach nobody."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow

    async def plan(self, event: StoredEvent) -> FanOut | None:
        await self._flow.apply([event])
        return None


class Works:
    """The dispatcher, the claimer and the lanes of one process, with a recorded flow."""

    def __init__(self, stores: Stores, lease: Lease) -> None:
        self.stores = stores
        self.lease = lease
        self.clock = PositionClock()
        self.flow = Flow()
        self.fan_outs: Any = FanOuts(self.flow)
        self.directory = Directory(lambda *_: pytest.fail("nobody is connected"))
        self.publisher = Publisher(
            notifications=stores.notifications,
            names=NameResolver(stores.users, stores.businesses),
            clock=self.clock,
            directory=self.directory,
            bus=RecordingBus(),
            caps=no_caps(),
            queue=RecordingQueue(),
            writer=str(lease),
        )
        self.lanes = Lanes()
        self.supervisor = Supervisor()
        self.rooms = 0
        self.is_alone = True
        self.events_of_lanes: Any = stores.events
        self.limit = 1_000
        self.tally = Tally()
        self.recipients_per_s: float | None = None
        self.on_given_up: GivenUp | None = None
        for lane, factory in (
            (Lane.SINGLE, self.start_subjects),
            (Lane.FAN_OUT, partial(self.start_fan_outs, Lane.FAN_OUT)),
            (Lane.SHARE, partial(self.start_fan_outs, Lane.SHARE)),
        ):
            self.lanes.add(lane, partial(self.supervisor.ref, lane))
            self.supervisor.start(lane, factory)
        self.dispatcher = Dispatcher.start(stores.events, self.lanes, self.clock, lease, self.tally)
        self.claimer = Claimer.start(
            events=stores.events,
            processes=stores.processes,
            lanes=self.lanes,
            clock=self.clock,
            lease=lease,
        )

    def start_subjects(self) -> LoopActorRef[Any]:
        return SubjectLane.start(
            flows={"user.updated": self.flow},
            events=self.events_of_lanes,
            users=self.stores.users,
            publisher=self.publisher,
            socket_events=SocketEvents(self.directory, RecordingBus()),
            clock=self.clock,
            lease=self.lease,
            workload=self.lanes.renew(Lane.SINGLE, self.limit),
            store_waits_s=(0.01, 0.01),
        )

    def start_fan_outs(self, lane: Lane) -> LoopActorRef[Any]:
        return FanOutLane.start(
            flows={"listing.created": self.fan_outs},
            events=self.events_of_lanes,
            publisher=self.publisher,
            clock=self.clock,
            lease=self.lease,
            workload=self.lanes.renew(lane, self.limit if lane is Lane.FAN_OUT else shares.IN_HAND),
            on_room=self._count_room,
            tally=self.tally,
            is_alone=lambda: self.is_alone,
            recipients_per_s=self.recipients_per_s,
            on_given_up=self.on_given_up,
            store_waits_s=(0.01, 0.01),
        )

    def _count_room(self) -> None:
        self.rooms += 1

    async def accept(self, *events: NewEvent) -> Accepted:
        accepted = await self.dispatcher.request(Accept(events), deadline_s=SOON_S)
        assert isinstance(accepted, Accepted)
        return accepted

    async def ask_claimer(self, message: object) -> None:
        await self.claimer.request(message, deadline_s=SOON_S)

    async def carried_out(self, *events: NewEvent) -> None:
        async def are_done() -> bool:
            return {event.key for event in events} <= set(self.flow.carried_out)

        await eventually(are_done)

    async def states(self, *events: NewEvent) -> list[str]:
        found = await self.stores.events._events.find(
            {"_id": {"$in": [event.key for event in events]}}, {"state": 1, "pending_owner": 1}
        )
        owners = {row["_id"]: row for row in found}
        return [
            "unowned" if row.get("pending_owner") == "" else row["state"]
            for row in (owners[event.key] for event in events)
        ]

    async def reach(self, state: str, *events: NewEvent) -> None:
        async def have_reached() -> bool:
            return set(await self.states(*events)) == {state}

        await eventually(have_reached)


@pytest.fixture
async def works(stores: Stores) -> AsyncIterator[Works]:
    lease = await stores.processes.register(f"here:{uuid4()}", "server")
    made = Works(stores, lease)
    yield made
    await made.dispatcher.stop_and_wait(deadline_s=SOON_S)
    await made.claimer.stop_and_wait(deadline_s=SOON_S)
    await made.supervisor.stop_all(deadline_s=SOON_S)


def fan_out() -> NewEvent:
    return an_event(type="listing.created", lane="fan_out")


def single() -> NewEvent:
    return an_event(type="user.updated", lane="single")


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


async def test_a_lane_that_is_down_leaves_its_events_to_be_found(works: Works) -> None:
    works.supervisor.ref(Lane.SINGLE).tell("what is this")
    await eventually(lambda: _true(not _is_alive(works, Lane.SINGLE)))
    event = single()
    accepted = await works.accept(event)
    assert accepted.outcomes == {}
    await eventually(lambda: _true(_is_alive(works, Lane.SINGLE)))
    await works.ask_claimer(Recover())
    await works.carried_out(event)


def _is_alive(works: Works, lane: Lane) -> bool:
    return works.supervisor._children[lane].ref.is_alive()


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


async def test_the_dispatcher_gives_room_back_when_the_store_is_away(works: Works) -> None:
    dispatcher = Dispatcher.start(Away(), works.lanes, works.clock, works.lease, works.tally)
    with pytest.raises(StoreUnavailable):
        await dispatcher.request(Accept([single()]), deadline_s=SOON_S)
    assert len(works.lanes.workload(Lane.SINGLE)) == 0
    await dispatcher.stop_and_wait(deadline_s=SOON_S)


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


async def _taken(workload: Workload, event: NewEvent) -> bool:
    return workload.take(event.key)


async def _let_go(workload: Workload, event: NewEvent) -> bool:
    return event.key not in workload


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


async def test_a_lane_that_stops_leaves_its_events_to_others(works: Works) -> None:
    event = fan_out()
    never: Any = _Never()
    works.fan_outs.plan = never.plan
    await works.accept(*(fan_out() for _ in range(fan_out_lane.RUNNING_AT_ONCE)), event)
    await eventually(lambda: _true(never.planned == fan_out_lane.RUNNING_AT_ONCE))
    await works.supervisor.ref(Lane.FAN_OUT).stop_and_wait(deadline_s=SOON_S)
    assert await works.states(event) == ["unowned"]
    assert len(works.lanes.workload(Lane.FAN_OUT)) == 0


class _Never:
    """A flow that waits for ever."""

    planned = 0

    async def plan(self, event: StoredEvent) -> FanOut | None:
        self.planned += 1
        await asyncio.Event().wait()
        return None


async def test_a_lane_refuses_what_it_does_not_take(works: Works) -> None:
    lane = works.supervisor.ref(Lane.FAN_OUT)
    with pytest.raises(TypeError):
        await lane.request("what is this", deadline_s=SOON_S)


async def _true(value: bool) -> bool:
    return value
