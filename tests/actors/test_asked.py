from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from actors.loop_ref import DeadlineExceeded
from tests.support.loop_actors import DEADLINE_S, Blunder, start_store

if TYPE_CHECKING:
    from actors.asked import Asked


async def test_each_of_a_batch_is_answered_by_itself() -> None:
    _, ref = start_store()
    refused = ref.ask(lambda asked: asked.fail(Blunder()), block=False)
    taken = ref.ask("taken", block=False)
    with pytest.raises(Blunder):
        await refused
    assert await taken == "taken"


async def test_a_told_message_may_be_left_or_replied_to_or_failed() -> None:
    _, ref = start_store()
    with capture_logs() as lines:
        ref.tell(lambda asked: asked.fail(Blunder()))
        ref.tell("told")
        ref.tell(lambda _asked: None)
        assert await ref.request("on", deadline_s=DEADLINE_S) == "on"
    assert [line["event"] for line in lines] == ["message_failed"]


async def test_a_batch_knows_who_was_asked_and_who_gave_up() -> None:
    store, ref = start_store()
    store.gate.clear()
    ref.tell("first")
    await store.is_waiting.wait()
    known: list[tuple[bool, bool]] = []

    def note(asked: Asked[Any]) -> None:
        known.append((asked.is_asked, asked.is_abandoned))

    ref.tell(note)
    with pytest.raises(DeadlineExceeded):
        await ref.request(note, deadline_s=0.001)
    store.gate.set()
    with capture_logs() as lines:
        assert await ref.request("on", deadline_s=DEADLINE_S) == "on"
    assert known == [(False, False), (True, True)]
    assert [line["event"] for line in lines] == ["message_failed"]


async def test_a_message_of_a_batch_is_answered_once() -> None:
    _, ref = start_store()

    def twice(asked: Asked[Any]) -> None:
        asked.reply(1)
        with pytest.raises(asyncio.InvalidStateError):
            asked.reply(2)
        with pytest.raises(asyncio.InvalidStateError):
            asked.fail(Blunder())

    assert await ref.request(twice, deadline_s=DEADLINE_S) == 1
