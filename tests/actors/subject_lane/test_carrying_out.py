"""A lane of single subjects does all that waits at once, and says what became of each event."""

from __future__ import annotations

from functools import partial
from uuid import UUID, uuid4

import pytest

from actors.flows.plan import NotYet, Plan, Tell
from actors.frames import to_json
from actors.lanes import CarryOut, UnknownEventType
from actors.outcome import DailyCapReached, failure_of, refusal_of
from actors.socket_events import SocketEvent
from actors.subject_lane import PORTION
from rules.gates import NOW
from rules.kinds import Channel
from storage.events import StoredEvent
from storage.users import ProfileChange, UserNotFound
from tests.actors.subject_lane.bench import CONTENT, SOON_S, Bench, tell
from tests.storage.samples import MINUTE, NOON
from tests.support.actors import RecordingConnection


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
