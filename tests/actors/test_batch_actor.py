from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pykka
import pytest
from structlog.testing import capture_logs

from actors.batch_actor import BatchActor, Unanswered
from tests.support.loop_actors import DEADLINE_S, Blunder, start_store

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actors.asked import Asked


async def test_a_batch_takes_all_that_waits_up_to_its_limit() -> None:
    store, ref = start_store()
    futures = [ref.ask(number, block=False) for number in range(7)]
    assert [await future for future in futures] == list(range(7))
    assert store.batches == [[0, 1, 2], [3, 4, 5], [6]]


async def test_what_arrives_during_a_batch_waits_for_the_next() -> None:
    store, ref = start_store()
    store.gate.clear()
    first = ref.ask("first", block=False)
    await store.is_waiting.wait()
    second = ref.ask("second", block=False)
    third = ref.ask("third", block=False)
    assert store.batches == [["first"]]
    store.gate.set()
    assert [await first, await second, await third] == ["first", "second", "third"]
    assert store.batches == [["first"], ["second", "third"]]


async def test_what_a_batch_leaves_unanswered_gets_an_error() -> None:
    _, ref = start_store()
    left = ref.ask(lambda _asked: None, block=False)
    taken = ref.ask("taken", block=False)
    with pytest.raises(Unanswered) as raised:
        await left
    assert (raised.value.actor, raised.value.message_type) == (str(ref), "function")
    assert await taken == "taken"


def blunder_over(_asked: Asked[Any]) -> None:
    raise Blunder


async def test_a_batch_that_raises_fails_those_without_an_answer_and_lives_on() -> None:
    _, ref = start_store()
    taken = ref.ask("taken", block=False)
    failing = ref.ask(blunder_over, block=False)
    behind = ref.ask("behind", block=False)
    assert await taken == "taken"
    for future in (failing, behind):
        with pytest.raises(Blunder):
            await future
    assert await ref.request("on", deadline_s=DEADLINE_S) == "on"


async def test_a_batch_that_raises_over_a_told_message_ends_the_actor() -> None:
    _, ref = start_store()
    ref.tell(blunder_over)
    asked = ref.ask("asked", block=False)
    in_the_next_batch = [ref.ask(number, block=False) for number in range(2)]
    with capture_logs() as lines, pytest.raises(Blunder):
        await asked
    for future in in_the_next_batch[1:]:
        with pytest.raises(pykka.ActorDeadError):
            await future
    assert not ref.is_alive()
    assert [line["event"] for line in lines] == ["message_failed"]


async def test_a_batch_ends_at_the_stop() -> None:
    store, ref = start_store()
    ref.tell("before")
    stopping = ref.stop(block=False)
    behind = ref.ask("behind", block=False)
    assert await stopping is True
    with pytest.raises(pykka.ActorDeadError):
        await behind
    assert store.batches == [["before"]]


async def test_a_cancelled_batch_answers_those_without_an_answer() -> None:
    store, ref = start_store()
    store.gate.clear()
    asked = ref.ask("asked", block=False)
    ref.tell("told")
    await store.is_waiting.wait()
    assert store._task is not None
    store._task.cancel()
    with capture_logs() as lines, pytest.raises(pykka.ActorDeadError):
        await asked
    assert [(line["event"], line.get("count")) for line in lines] == [
        ("messages_dropped", 1),
        ("actor_cut_off", None),
    ]


async def test_a_batch_that_is_cancelled_keeps_the_answers_given() -> None:
    is_waiting = asyncio.Event()

    class Half(BatchActor[str]):
        async def on_receive_many(self, messages: Sequence[Asked[str]]) -> None:
            messages[0].reply("given")
            is_waiting.set()
            await asyncio.Event().wait()

    actor = Half()
    actor._start_actor_loop()
    given = actor.actor_ref.ask("one", block=False)
    left = actor.actor_ref.ask("two", block=False)
    await is_waiting.wait()
    assert actor._task is not None
    actor._task.cancel()
    assert await given == "given"
    with pytest.raises(pykka.ActorDeadError):
        await left
