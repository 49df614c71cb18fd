from __future__ import annotations

import asyncio
import contextvars
import gc
from dataclasses import dataclass
from typing import Any, ClassVar

import pykka
import pytest
from structlog.testing import capture_logs

from actors.loop_actor import LoopActor, UnknownMessage
from actors.loop_future import LoopFuture
from actors.loop_ref import DeadlineExceeded
from actors.mailbox import Mailbox
from tests.support.loop_actors import DEADLINE_S, Blunder, Worker, start_worker


@dataclass(frozen=True)
class Say:
    word: str
    message_id: str = "m-1"


async def test_an_actor_is_not_in_pykkas_registry() -> None:
    ref = Worker.start()
    assert pykka.ActorRegistry.get_all() == []
    assert await ref.stop_and_wait(deadline_s=DEADLINE_S) is True


def test_what_pykka_makes_for_the_actor_is_of_the_loop() -> None:
    assert type(LoopActor._create_future()) is LoopFuture
    assert type(LoopActor._create_actor_inbox()) is Mailbox


async def test_a_coroutine_is_finished_before_the_next_message_begins() -> None:
    worker, ref = start_worker()
    first = ref.ask("wait", block=False)
    ref.tell("next")
    second = ref.ask("wait", block=False)
    await worker.is_waiting.wait()
    assert worker.seen == ["waiting"]
    worker.gate.set()
    assert await first == "done"
    assert await second == "done"
    assert worker.seen == ["waiting", "waited", "next", "waiting", "waited"]


async def test_a_told_coroutine_needs_no_asker() -> None:
    worker, ref = start_worker()
    worker.gate.set()
    ref.tell("wait")
    assert await ref.request("then", deadline_s=DEADLINE_S) == "then"
    assert worker.seen == ["waiting", "waited", "then"]


async def test_the_error_of_a_coroutine_goes_to_its_asker() -> None:
    async def fail() -> None:
        raise Blunder

    worker, ref = start_worker()
    with pytest.raises(Blunder):
        await ref.request(fail, deadline_s=DEADLINE_S)
    assert await ref.request("on", deadline_s=DEADLINE_S) == "on"
    assert worker.failures == []


async def test_a_told_failure_is_logged_with_actor_type_and_id() -> None:
    class Strict(LoopActor):
        async def on_receive(self, _message: Any) -> Any:
            raise Blunder

    ended: asyncio.Future[BaseException | None] = asyncio.get_running_loop().create_future()
    ref = Strict.start()
    ref.when_stopped(lambda _ref, failure: ended.set_result(failure))
    with capture_logs() as lines:
        ref.tell(Say("hello", message_id="m-7"))
        assert isinstance(await ended, Blunder)
    (line,) = lines
    assert (line["event"], line["message_type"], line["message_id"]) == (
        "message_failed",
        "Say",
        "m-7",
    )
    assert line["actor"] == str(ref)
    assert isinstance(line["exc_info"], Blunder)


async def test_messages_told_and_left_are_counted_in_one_line() -> None:
    _, ref = start_worker()
    stopping = ref.stop(block=False)
    for word in ("one", "two", "three"):
        ref.tell(word)
    with capture_logs() as lines:
        assert await stopping is True
    assert [(line["event"], line["count"]) for line in lines] == [("messages_dropped", 3)]


async def test_an_unknown_message_is_an_error() -> None:
    ref = LoopActor.start()
    with pytest.raises(UnknownMessage) as raised:
        await ref.request(Say("hello"), deadline_s=DEADLINE_S)
    assert (raised.value.actor, raised.value.message_type) == (str(ref), "Say")


@pytest.mark.usefixtures("loop_complaints")
async def test_a_failure_after_the_asker_gave_up_is_logged_and_the_actor_lives_on() -> None:
    gate = asyncio.Event()

    async def fail_late() -> None:
        await gate.wait()
        raise Blunder

    _, ref = start_worker()
    with pytest.raises(DeadlineExceeded):
        await ref.request(fail_late, deadline_s=0.001)
    gate.set()
    with capture_logs() as lines:
        assert await ref.request("on", deadline_s=DEADLINE_S) == "on"
    assert [line["event"] for line in lines] == ["message_failed"]


async def test_a_full_mailbox_does_not_starve_the_loop() -> None:
    class Slow(Worker):
        turn_s: ClassVar[float] = 0.0

    worker, ref = start_worker(Slow)
    for number in range(10):
        ref.tell(number)
    turns: list[int] = []
    while len(worker.seen) < 10:
        await asyncio.sleep(0)
        turns.append(len(worker.seen))
    assert turns == list(range(1, 11))


async def test_a_short_turn_handles_many_messages() -> None:
    worker, ref = start_worker()
    for number in range(10):
        ref.tell(number)
    await asyncio.sleep(0)
    assert worker.seen == list(range(10))


async def test_an_idle_actor_costs_no_task_and_a_stopped_one_leaves_none() -> None:
    before = asyncio.all_tasks()
    _, ref = start_worker()
    ref.tell("hello")
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == before
    await ref.stop_and_wait(deadline_s=DEADLINE_S)
    assert asyncio.all_tasks() == before


async def test_a_stopped_actor_is_freed_with_its_last_ref() -> None:
    ref = Worker.start()
    actor = ref._actor_weakref
    await ref.stop_and_wait(deadline_s=DEADLINE_S)
    await asyncio.sleep(0)
    gc.disable()
    try:
        del ref
        assert actor() is None
    finally:
        gc.enable()


async def test_handlers_run_in_a_context_of_their_own() -> None:
    request_id: contextvars.ContextVar[str] = contextvars.ContextVar("request_id", default="none")
    request_id.set("of the teller")
    _, ref = start_worker()

    async def read() -> str:
        return request_id.get()

    assert await ref.request(request_id.get, deadline_s=DEADLINE_S) == "none"
    assert await ref.request(read, deadline_s=DEADLINE_S) == "none"


async def test_coroutine_hooks_run_before_the_first_message_and_at_the_end() -> None:
    seen: list[str] = []

    class Hooked(LoopActor):
        async def on_start(self) -> None:  # type: ignore[override]
            await asyncio.sleep(0)
            seen.append("on_start")

        def on_receive(self, message: Any) -> Any:
            seen.append(message)

        async def on_stop(self) -> None:  # type: ignore[override]
            await asyncio.sleep(0)
            seen.append("on_stop")

    ref = Hooked.start()
    ref.tell("hello")
    await ref.stop_and_wait(deadline_s=DEADLINE_S)
    assert seen == ["on_start", "hello", "on_stop"]


async def test_an_actor_started_without_messages_waits_for_the_first() -> None:
    class Hooked(Worker):
        async def on_start(self) -> None:  # type: ignore[override]
            self.seen.append("on_start")

    worker, ref = start_worker(Hooked)
    await asyncio.sleep(0)
    assert await ref.request("hello", deadline_s=DEADLINE_S) == "hello"
    assert worker.seen == ["on_start", "hello"]


async def test_what_waits_for_a_failing_start_is_answered() -> None:
    class Unready(Worker):
        async def on_start(self) -> None:  # type: ignore[override]
            await asyncio.sleep(0)
            raise Blunder

    _, ref = start_worker(Unready)
    asked = ref.ask("hello", block=False)
    failures: list[BaseException | None] = []
    ref.when_stopped(lambda _ref, failure: failures.append(failure))
    with capture_logs() as lines, pytest.raises(pykka.ActorDeadError):
        await asked
    assert await ref.stop_and_wait(deadline_s=DEADLINE_S) is False
    await asyncio.sleep(0)
    assert [type(failure) for failure in failures] == [Blunder]
    assert [line["event"] for line in lines] == ["actor_start_failed"]


async def test_a_failing_clean_up_is_logged_and_the_actor_has_ended() -> None:
    class Untidy(Worker):
        def on_stop(self) -> None:
            raise Blunder

    _, ref = start_worker(Untidy)
    with capture_logs() as lines:
        assert await ref.stop_and_wait(deadline_s=DEADLINE_S) is True
    assert [line["event"] for line in lines] == ["actor_clean_up_failed"]


async def test_a_cancelled_handler_ends_the_actor_and_answers_its_asker() -> None:
    worker, ref = start_worker()
    asked = ref.ask("wait", block=False)
    behind = ref.ask("behind", block=False)
    await worker.is_waiting.wait()
    assert worker._task is not None
    worker._task.cancel()
    with capture_logs() as lines:
        for future in (asked, behind):
            with pytest.raises(pykka.ActorDeadError):
                await future
    assert [type(failure) for failure in worker.failures] == [asyncio.CancelledError]
    assert [(line["event"], line["cause"]) for line in lines] == [
        ("actor_cut_off", "CancelledError()")
    ]


async def test_a_cancelled_start_ends_the_actor() -> None:
    is_starting = asyncio.Event()

    class Slow(Worker):
        async def on_start(self) -> None:  # type: ignore[override]
            is_starting.set()
            await self.gate.wait()

    worker, ref = start_worker(Slow)
    asked = ref.ask("hello", block=False)
    await is_starting.wait()
    assert worker._task is not None
    worker._task.cancel()
    with pytest.raises(pykka.ActorDeadError):
        await asked
    assert not ref.is_alive()
