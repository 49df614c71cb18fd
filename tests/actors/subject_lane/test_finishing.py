"""Who asks is answered first, and events are finished when nothing more waits."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from actors.flows.plan import Plan
from actors.frames import to_json
from actors.lanes import CarryOut
from actors.loop_future import LoopFuture
from actors.outcome import Outcomes
from actors.socket_events import SocketEvent
from actors.subject_lane import FINISHED_AT_ONCE
from storage.users import UserNotFound
from tests.actors.subject_lane.bench import SOON_S, Bench, tell
from tests.support.actors import RecordingConnection


async def test_who_asks_is_answered_before_events_are_finished(bench: Bench) -> None:
    events = await bench.stored(2)
    answers = [bench.lane.ask(CarryOut([event]), block=False) for event in events]
    answered: list[bool] = []
    bench.events.on_finish = lambda: answered.extend(each.is_settled for each in answers)
    await answers[1]
    assert await bench.states(*events) == ["done", "done"]
    assert answered == [True, True]
    assert bench.events.finished == [2]


async def test_who_waits_for_a_row_alone_is_answered_once_all_processes_are_told(
    bench: Bench,
) -> None:
    bench.flow.says = lambda event: tell(UUID(int=event.key.int))
    (soon,), (usual,) = await bench.stored(type="soon"), await bench.stored()
    answers = [bench.lane.ask(CarryOut([event]), block=False) for event in (soon, usual)]
    answered: list[list[bool]] = []

    def look() -> None:
        answered.append([each.is_settled for each in answers])

    bench.bus.on_announce = bench.publisher.on_published = look
    outcomes = {**await answers[0], **await answers[1]}
    assert answered == [[False, False], [True, False]]
    assert [row.event_id for row in outcomes[soon.key].rows] == [soon.key]
    assert [row.event_id for row in outcomes[usual.key].rows] == [usual.key]
    assert await bench.states(soon, usual) == ["done", "done"]


async def test_who_was_answered_already_keeps_that_when_the_rest_is_tried_again(
    bench: Bench,
) -> None:
    bench.flow.says = lambda event: tell(UUID(int=event.key.int))
    events = await bench.stored(2, type="soon")
    answers = [bench.lane.ask(CarryOut([event]), block=False) for event in events]

    def fail_once() -> None:
        bench.publisher.on_published = lambda: None
        raise ValueError("what the queue cannot take")

    bench.publisher.on_published = fail_once
    rows = [(await answer)[event.key].rows for answer, event in zip(answers, events, strict=True)]
    assert [len(each) for each in rows] == [1, 1]
    assert await bench.states(*events) == ["done", "done"]
    assert bench.flow.planned == [2, 1, 1]


async def test_of_several_events_who_asks_hears_when_all_are_known(bench: Bench) -> None:
    bench.flow.says = lambda event: tell(UUID(int=event.key.int))
    (soon,), (usual,) = await bench.stored(type="soon"), await bench.stored()
    answer = bench.lane.ask(CarryOut([soon, usual]), block=False)
    answered: list[bool] = []
    bench.bus.on_announce = lambda: answered.append(answer.is_settled)
    assert set(await answer) == {soon.key, usual.key}
    assert answered == [False]


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


async def test_who_is_refused_is_answered_once_that_is_certain(bench: Bench) -> None:
    """Or a send that was answered 404 would be carried out after a kill, when the user has come."""
    stranger = uuid4()
    bench.flow.says = lambda _: tell(stranger, is_for_known_only=True)
    (event,) = await bench.stored()
    refused = bench.lane.ask(CarryOut([event]), block=False)
    answered: list[bool] = []
    bench.events.on_finish = lambda: answered.append(refused.is_settled)
    assert isinstance((await refused)[event.key].failure, UserNotFound)
    assert answered == [False]
    assert bench.events.finished == [1]


async def test_what_the_store_will_not_have_finished_is_put_off(bench: Bench) -> None:
    bench.flow.says = lambda event: tell(UUID(int=event.key.int))
    (event,) = await bench.stored()
    assert bench.workload.take(event.key)
    bench.events.refuses_for = 1
    await bench.carry_out(event)
    assert await bench.states(event) == ["unowned"]
    assert not bench.workload
    progress = await bench.stores.events.progress(event.key)
    assert progress is not None
    assert progress.state == "pending"
