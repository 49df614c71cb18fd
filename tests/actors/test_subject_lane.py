"""A lane of single subjects does all that waits at once, and says what became of each event."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest

from actors.directory import Directory
from actors.draft import Draft
from actors.flows.content import Content
from actors.flows.plan import NotYet, Plan, SubjectFlow, Tell
from actors.frames import to_json
from actors.lanes import CarryOut, UnknownEventType
from actors.loop_future import LoopFuture
from actors.loop_ref import LoopActorRef
from actors.notice import Notice
from actors.outcome import DailyCapReached, Outcomes, failure_of, refusal_of
from actors.publisher import Published, Publisher
from actors.socket_events import SocketEvent, SocketEvents
from actors.subject_lane import FINISHED_AT_ONCE, PORTION, SubjectLane
from actors.workload import Workload
from rules.gates import NOW, Refusal, Refused
from rules.kinds import KINDS, Channel
from rules.lease import Lease
from storage.client import StoreUnavailable
from storage.events import EventsRepository, NewEvent, StoredEvent
from storage.names import NameResolver
from storage.positions import PositionClock
from storage.stores import Stores
from storage.users import ProfileChange, UserNotFound
from tests.storage.samples import MINUTE, NOON, OURS, an_event
from tests.support.actors import (
    RecordingBus,
    RecordingConnection,
    RecordingQueue,
    UserActors,
    no_caps,
)

SOON_S = 30.0
TYPE = "review.created"
CONTENT = Content(kind=KINDS["review_received"], title="Review", message="4 stars")


class Flow(SubjectFlow):
    """Plans what the test says, and keeps what it was asked and in which portions."""

    def __init__(self, stores: Stores) -> None:
        self._stores = stores
        self.says: Callable[[StoredEvent], Plan | NotYet] = lambda _: Plan()
        self.planned: list[int] = []
        self.settled: list[UUID] = []
        self.outcomes: Outcomes = {}
        self.rows_when_settled = 0

    async def plan(self, events: Sequence[StoredEvent]) -> Sequence[Plan | NotYet]:
        self.planned.append(len(events))
        return [self.says(event) for event in events]

    async def settle(self, events: Sequence[StoredEvent], outcomes: Outcomes) -> None:
        self.settled += [event.key for event in events]
        self.outcomes = outcomes
        self.rows_when_settled = await self._stores.notifications._rows.count(
            {"event_id": {"$in": [event.key for event in events]}}
        )


class OtherFlow(SubjectFlow):
    """Another flow that plans the same."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow

    async def plan(self, events: Sequence[StoredEvent]) -> Sequence[Plan | NotYet]:
        return await self._flow.plan(events)


class CountedPublisher:
    """A publisher whose inserts are counted, and which may be away for some of them."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher
        self.batches: list[int] = []
        self.away_for = 0
        self.is_over_cap = False
        self.on_published: Callable[[], None] = lambda: None

    async def publish(self, notices: Sequence[Any]) -> Published:
        if self.away_for:
            self.away_for -= 1
            raise StoreUnavailable("away")
        published = await (
            self._refuse(notices) if self.is_over_cap else self._publisher.publish(notices)
        )
        self.batches.append(len(published.rows))
        self.on_published()
        return published

    async def _refuse(self, notices: Sequence[Notice]) -> Published:
        """Publish as if every recipient had had the day's worth in the app."""
        drafts = [draft for notice in notices for draft in Draft.all_of(notice, at=NOON)]
        for draft in drafts:
            draft.change({Channel.IN_APP: Refused(Refusal.DAILY_CAP)})
        return await self._publisher.publish_decided(drafts)


class CountedEvents:
    """The events, which keep how many were finished at once, and may be away for that."""

    def __init__(self, events: EventsRepository) -> None:
        self._events = events
        self.finished: list[int] = []
        self.away_for = 0
        self.on_finish: Callable[[], None] = lambda: None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._events, name)

    async def finish_all(self, keys: Sequence[UUID], lease: Lease, **fields: Any) -> None:
        self.on_finish()
        if self.away_for:
            self.away_for -= 1
            raise StoreUnavailable("away")
        await self._events.finish_all(keys, lease, **fields)
        self.finished.append(len(keys))


class Bench:
    """A lane on its own, given events that are stored as ours."""

    def __init__(self, stores: Stores) -> None:
        self.stores = stores
        self.clock = PositionClock()
        self.actors = UserActors(stores)
        self.directory = Directory(self.actors.start)
        self.flow = Flow(stores)
        self.publisher = CountedPublisher(
            Publisher(
                notifications=stores.notifications,
                names=NameResolver(stores.users, stores.businesses),
                clock=self.clock,
                directory=self.directory,
                bus=RecordingBus(),
                caps=no_caps(),
                queue=RecordingQueue(),
                writer=str(OURS),
            )
        )
        publisher: Any = self.publisher
        self.events = CountedEvents(stores.events)
        events: Any = self.events
        self.workload = Workload(10_000)
        self.lane: LoopActorRef[SubjectLane] = SubjectLane.start(
            flows={TYPE: self.flow, "other": OtherFlow(self.flow)},
            events=events,
            users=stores.users,
            publisher=publisher,
            socket_events=SocketEvents(self.directory, RecordingBus()),
            clock=self.clock,
            lease=OURS,
            workload=self.workload,
            store_waits_s=(0.01, 0.01),
        )

    async def stored(self, count: int = 1, **fields: Any) -> list[StoredEvent]:
        """Store events as ours and return them as the dispatcher does."""
        at = self.clock.store_now()
        new: list[NewEvent] = [
            an_event(**{"type": TYPE, "lane": "single", "lease": OURS, **fields})
            for _ in range(count)
        ]
        await self.stores.events.accept(new, accepted_at=at)
        return [event.stored(at) for event in new]

    async def carry_out(self, *events: StoredEvent) -> Outcomes:
        outcomes: Outcomes = await self.lane.request(CarryOut(events), deadline_s=SOON_S)
        return outcomes

    async def at_rest(self) -> None:
        """Return when what was carried out before is finished."""
        await self.carry_out()

    async def states(self, *events: StoredEvent) -> list[str]:
        await self.at_rest()
        found = await self.stores.events._events.find(
            {"_id": {"$in": [event.key for event in events]}}
        )
        rows = {row["_id"]: row for row in found}
        return [
            "unowned" if rows[event.key].get("pending_owner") == "" else rows[event.key]["state"]
            for event in events
        ]


@pytest.fixture
async def bench(stores: Stores) -> AsyncIterator[Bench]:
    made = Bench(stores)
    yield made
    await made.lane.stop_and_wait(deadline_s=SOON_S)
    await made.actors.end()


def tell(*user_ids: UUID, **fields: Any) -> Plan:
    return Plan(tells=(Tell(content=CONTENT, recipient_ids=user_ids, **fields),))


async def test_all_events_that_wait_are_one_plan_and_one_insert(bench: Bench) -> None:
    bench.flow.says = lambda event: tell(UUID(int=event.key.int))
    events = await bench.stored(30)
    answers = [bench.lane.ask(CarryOut([event]), block=False) for event in events]
    outcomes = [await answer for answer in answers]
    assert bench.flow.planned == [30]
    assert bench.publisher.batches == [30]
    for event, mine in zip(events, outcomes, strict=True):
        (key,) = mine
        assert key == event.key
        (row,) = mine[key].rows
        assert (row.event_id, row.recipient_id) == (event.key, UUID(int=event.key.int))
        assert mine[key].is_final
        assert mine[key].failure is None
    assert set(await bench.states(*events)) == {"done"}


async def test_an_outcome_has_a_row_for_each_recipient_and_what_the_gates_said(
    bench: Bench,
) -> None:
    first, second = uuid4(), uuid4()
    bench.flow.says = lambda _: Plan(
        tells=(
            Tell(content=CONTENT, recipient_ids=(first,)),
            Tell(content=CONTENT, recipient_ids=(second,), channels=(Channel.IN_APP,)),
        )
    )
    (event,) = await bench.stored()
    outcome = (await bench.carry_out(event))[event.key]
    assert [row.recipient_id for row in outcome.rows] == [first, second]
    assert [sorted(draft.decisions) for draft in outcome.drafts] == [
        ["email", "in_app"],
        ["in_app"],
    ]
    assert outcome.drafts[1].decisions == {Channel.IN_APP: NOW}


async def test_done_again_an_event_answers_with_the_row_it_made_before(bench: Bench) -> None:
    user_id = uuid4()
    bench.flow.says = lambda _: tell(user_id)
    (event,) = await bench.stored()
    (first,) = (await bench.carry_out(event))[event.key].rows
    await bench.stores.notifications.mark_read(user_id, [first.id], at=NOON)
    (again,) = (await bench.carry_out(event))[event.key].rows
    assert (again.id, again.created_at, again.is_read) == (first.id, first.created_at, True)


async def test_who_is_not_known_is_told_unless_the_plan_says_otherwise(bench: Bench) -> None:
    known, unknown = uuid4(), uuid4()
    await bench.stores.users.apply([ProfileChange(known, {"user_type": "customer"}, NOON)])
    refused, told, also_told = await bench.stored(3)
    plans = {
        refused.key: tell(known, unknown, is_for_known_only=True),
        told.key: tell(known, is_for_known_only=True),
        also_told.key: tell(unknown),
    }
    bench.flow.says = lambda event: plans[event.key]
    outcomes = await bench.carry_out(refused, told, also_told)
    failure = outcomes[refused.key].failure
    assert isinstance(failure, UserNotFound)
    assert failure.user_id == unknown
    assert outcomes[refused.key].is_final
    assert outcomes[refused.key].rows == ()
    assert len(outcomes[told.key].rows) == len(outcomes[also_told.key].rows) == 1
    assert await bench.states(refused, told, also_told) == ["done"] * 3


async def test_an_event_that_made_nothing_says_why(bench: Bench) -> None:
    known = uuid4()
    await bench.stores.users.apply([ProfileChange(known, {"user_type": "customer"}, NOON)])
    bench.publisher.is_over_cap = True
    events = capped, unknown, told = await bench.stored(3)
    plans = {
        capped.key: tell(known, is_refused_over_cap=True),
        unknown.key: tell(uuid4(), is_for_known_only=True),
        told.key: tell(known),
    }
    bench.flow.says = lambda event: plans[event.key]
    outcomes = await bench.carry_out(*events)
    failures = [type(outcomes[event.key].failure) for event in events]
    assert failures == [DailyCapReached, UserNotFound, type(None)]
    assert bench.flow.outcomes == outcomes
    await bench.at_rest()
    progress = [await bench.stores.events.progress(event.key) for event in events]
    assert [each and (each.state, each.refusal) for each in progress] == [
        ("done", "daily_cap"),
        ("done", "unknown_recipient"),
        ("done", None),
    ]


@pytest.mark.parametrize("refusal", ["daily_cap", "unknown_recipient"])
def test_why_nothing_was_made_can_be_stored(refusal: str) -> None:
    assert refusal_of(failure_of(refusal, uuid4())) == refusal


async def test_what_cannot_be_done_yet_is_put_off_and_holds_up_nothing(bench: Bench) -> None:
    waits, done = await bench.stored(2)
    cause = LookupError("not known yet")
    bench.flow.says = lambda event: NotYet(cause) if event.key == waits.key else tell(uuid4())
    outcomes = await bench.carry_out(waits, done)
    assert (outcomes[waits.key].failure, outcomes[waits.key].is_final) == (cause, False)
    assert await bench.states(waits, done) == ["unowned", "done"]
    assert bench.flow.planned == [2]
    assert bench.flow.settled == [done.key]


async def test_an_event_of_a_type_that_is_not_known_here_is_put_off(bench: Bench) -> None:
    (event,) = await bench.stored(type="no.such.type")
    outcome = (await bench.carry_out(event))[event.key]
    assert isinstance(outcome.failure, UnknownEventType)
    assert await bench.states(event) == ["unowned"]


async def test_one_bad_event_is_found_by_halves_and_the_others_are_done(bench: Bench) -> None:
    events = await bench.stored(PORTION)
    bad = events[137]

    def says(event: StoredEvent) -> Plan:
        if event.key == bad.key:
            raise LookupError("bad")
        return tell(UUID(int=event.key.int))

    bench.flow.says = says
    outcomes = await bench.carry_out(*events)
    assert isinstance(outcomes[bad.key].failure, LookupError)
    assert not outcomes[bad.key].is_final
    assert await bench.states(bad) == ["unowned"]
    others = [event for event in events if event.key != bad.key]
    assert set(await bench.states(*others)) == {"done"}
    assert sum(len(outcome.rows) for outcome in outcomes.values()) == PORTION - 1
    # Twice the depth, not once for each event.
    assert len(bench.flow.planned) <= 2 * PORTION.bit_length() + 1


async def test_each_is_answered_as_soon_as_its_own_events_are_done(bench: Bench) -> None:
    (quick,) = await bench.stored()
    rest = await bench.stored(2 * PORTION)
    answers: list[str] = []
    mine = bench.lane.ask(CarryOut([quick]), block=False)
    nothing = bench.lane.ask(CarryOut([]), block=False)
    others = bench.lane.ask(CarryOut(rest), block=False)
    bench.publisher.on_published = lambda: answers.append(
        f"{mine.is_settled}, {nothing.is_settled}, {others.is_settled}"
    )
    assert set(await others) == {event.key for event in rest}
    assert answers == ["False, False, False", "True, True, False", "True, True, False"]
    assert await nothing == {}


async def test_who_asks_is_answered_before_events_are_finished(bench: Bench) -> None:
    events = await bench.stored(2)
    answers = [bench.lane.ask(CarryOut([event]), block=False) for event in events]
    answered: list[bool] = []
    bench.events.on_finish = lambda: answered.extend(each.is_settled for each in answers)
    await answers[1]
    assert await bench.states(*events) == ["done", "done"]
    assert answered == [True, True]
    assert bench.events.finished == [2]


async def test_what_is_carried_out_while_more_waits_is_finished_together(bench: Bench) -> None:
    events = await bench.stored(FINISHED_AT_ONCE + 2)
    rest = iter(events)
    answers: list[LoopFuture[Outcomes]] = []

    def ask_for_more() -> None:
        if (event := next(rest, None)) is not None:
            answers.append(bench.lane.ask(CarryOut([event]), block=False))

    bench.publisher.on_published = ask_for_more
    ask_for_more()
    for place in range(len(events)):
        await answers[place]
    assert set(await bench.states(*events)) == {"done"}
    assert bench.flow.planned == [1] * len(events)
    assert bench.events.finished == [FINISHED_AT_ONCE, 2]


async def test_frames_wait_until_their_events_are_finished(bench: Bench) -> None:
    user_id = uuid4()
    connection = RecordingConnection()
    await bench.directory.attach(user_id, connection)
    shown = SocketEvent(user_id, to_json({"type": "shown"}))
    bench.flow.says = lambda _: Plan(socket_events=(shown,))
    bench.events.away_for = 1
    types: list[list[str]] = []
    bench.events.on_finish = lambda: types.append(connection.types)
    (event,) = await bench.stored()
    await bench.carry_out(event)
    await bench.directory.close_all(code=1012, deadline_s=SOON_S)  # type: ignore[arg-type]
    assert types == [["authentication_success"]] * 2
    assert connection.types == ["authentication_success", "shown"]


async def test_what_cannot_be_finished_is_left_to_be_found_again(bench: Bench) -> None:
    bench.flow.says = lambda event: tell(UUID(int=event.key.int))
    (event,) = await bench.stored()
    assert bench.workload.take(event.key)
    bench.events.away_for = 3
    first = await bench.carry_out(event)
    assert await bench.states(event) == ["pending"]
    assert not bench.workload
    assert await bench.carry_out(event) == first
    assert await bench.states(event) == ["done"]


async def test_a_lane_that_is_stopped_finishes_what_it_has_carried_out(bench: Bench) -> None:
    (event,) = await bench.stored()
    assert bench.workload.take(event.key)
    stopped: list[Any] = []
    bench.publisher.on_published = lambda: stopped.append(bench.lane.stop(block=False))
    await bench.carry_out(event)
    await stopped[0]
    progress = await bench.stores.events.progress(event.key)
    assert progress is not None
    assert progress.state == "done"
    assert not bench.workload


async def test_what_is_settled_has_been_told(bench: Bench) -> None:
    bench.flow.says = lambda event: tell(UUID(int=event.key.int))
    events = await bench.stored(3)
    await bench.carry_out(*events)
    assert bench.flow.settled == [event.key for event in events]
    assert bench.flow.rows_when_settled == 3


async def test_frames_are_sent_once_however_often_the_store_was_away(bench: Bench) -> None:
    user_id = uuid4()
    connection = RecordingConnection()
    await bench.directory.attach(user_id, connection)
    shown = SocketEvent(user_id, to_json({"type": "shown"}))
    unsent = SocketEvent(user_id, to_json({"type": "of what was refused"}))
    good, refused = await bench.stored(2)
    plans = {
        good.key: Plan(socket_events=(shown,)),
        refused.key: Plan(
            tells=(Tell(content=CONTENT, recipient_ids=(uuid4(),), is_for_known_only=True),),
            socket_events=(unsent,),
        ),
    }
    bench.flow.says = lambda event: plans[event.key]
    bench.publisher.away_for = 2
    await bench.carry_out(good, refused)
    assert bench.flow.planned == [2, 2, 2]
    await bench.directory.close_all(code=1012, deadline_s=SOON_S)  # type: ignore[arg-type]
    assert connection.types == ["authentication_success", "shown"]


async def test_what_waits_together_is_told_in_the_order_in_which_it_happened(
    bench: Bench,
) -> None:
    user_id = uuid4()
    bench.flow.says = lambda _: tell(user_id)
    later = await bench.stored(3, occurred_at=NOON + 2 * MINUTE)
    other = await bench.stored(1, occurred_at=NOON + MINUTE, type="other")
    first = await bench.stored(1, occurred_at=NOON)
    outcomes = await bench.carry_out(*later, *other, *first)
    rows = [row for outcome in outcomes.values() for row in outcome.rows]
    in_order = [row.event_id for row in sorted(rows, key=lambda row: row.created_at)]
    assert in_order == [event.key for event in (*first, *other, *later)]
    assert bench.flow.planned == [4, 1]


async def test_while_the_store_stays_away_the_events_are_left_to_be_found_again(
    bench: Bench,
) -> None:
    before = await bench.stored(PORTION)
    after = await bench.stored(1)
    bench.publisher.on_published = partial(setattr, bench.publisher, "away_for", 3)
    outcomes = await bench.carry_out(*before, *after)
    assert set(outcomes) == {event.key for event in before}
    assert await bench.states(*after) == ["pending"]
    assert bench.publisher.away_for == 0
    assert (await bench.carry_out(*after))[after[0].key].is_final
    assert await bench.states(*after) == ["done"]
