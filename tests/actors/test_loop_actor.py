from __future__ import annotations

import asyncio
import contextvars
import gc
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import pykka
import pytest
from structlog.testing import capture_logs

from actors.loop_actor import (
    Asked,
    BatchActor,
    DeadlineExceeded,
    LoopActor,
    LoopActorRef,
    LoopFuture,
    MailboxFull,
    Unanswered,
    UnknownMessage,
    WouldBlock,
    WrongThread,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import TracebackType

    from tornado.ioloop import IOLoop

    from tests.actors.conftest import Runtime

DEADLINE_S = 5.0


@dataclass(frozen=True)
class Say:
    word: str
    message_id: str = "m-1"


class Blunder(Exception):
    pass


def blunder() -> None:
    raise Blunder


async def test_told_messages_are_handled_in_order_after_on_start(runtime: Runtime) -> None:
    seen: list[Any] = []
    ref = runtime.start(seen)
    for number in range(100):
        ref.tell(number)
    await runtime.ask(ref, "last")
    assert seen == ["on_start", *range(100), "last"]


async def test_an_asked_message_is_replied_to_with_what_the_handler_returns(
    runtime: Runtime,
) -> None:
    ref = runtime.start([])
    assert await runtime.ask(ref, "hello") == "hello"
    assert await runtime.ask(ref, lambda: None) is None


async def test_an_error_goes_to_the_asker_and_the_actor_lives_on(runtime: Runtime) -> None:
    seen: list[Any] = []
    ref = runtime.start(seen)
    with pytest.raises(Blunder):
        await runtime.ask(ref, blunder)
    assert await runtime.ask(ref, "still here") == "still here"
    assert seen == ["on_start", "still here"]


async def test_an_error_without_an_asker_ends_the_actor(runtime: Runtime) -> None:
    seen: list[Any] = []
    ref = runtime.start(seen)
    with runtime.at_work(ref):
        ref.tell(blunder)
        behind = ref.ask("behind", block=False)
    with pytest.raises(pykka.ActorDeadError):
        await runtime.reply(behind)
    await runtime.until(lambda: len(seen) == 2)
    (started, (name, error_type, error, has_traceback)) = seen
    assert (started, name, error_type, has_traceback) == ("on_start", "on_failure", Blunder, True)
    assert isinstance(error, Blunder)
    assert not ref.is_alive()


async def test_stopping_handles_what_came_before_and_answers_what_came_after(
    runtime: Runtime,
) -> None:
    seen: list[Any] = []
    ref = runtime.start(seen)
    with runtime.at_work(ref):
        ref.tell("before")
        stopping = ref.stop(block=False)
        ref.tell("told after")
        asked_after = ref.ask("asked after", block=False)
        stopping_again = ref.stop(block=False)
    assert await runtime.reply(stopping) is True
    assert await runtime.reply(stopping_again) is True
    with pytest.raises(pykka.ActorDeadError):
        await runtime.reply(asked_after)
    assert seen == ["on_start", "before", "on_stop"]


async def test_an_actor_can_stop_itself(runtime: Runtime) -> None:
    seen: list[Any] = []
    ref = runtime.start(seen)
    actor = ref._actor_weakref()
    assert actor is not None
    ref.tell(actor.stop)
    await runtime.until(lambda: "on_stop" in seen)
    assert seen == ["on_start", "on_stop"]


async def test_a_dead_actor_refuses_messages(runtime: Runtime) -> None:
    ref = runtime.start([])
    await runtime.reply(ref.stop(block=False))
    with pytest.raises(pykka.ActorDeadError):
        ref.tell("hello")
    with pytest.raises(pykka.ActorDeadError):
        await runtime.ask(ref, "hello")
    assert await runtime.reply(ref.stop(block=False)) is False


async def test_a_failing_start_ends_the_actor_before_the_first_message(runtime: Runtime) -> None:
    seen: list[Any] = []
    ref = runtime.start_failing(seen)
    await runtime.until(lambda: not ref.is_alive())
    with pytest.raises(pykka.ActorDeadError):
        await runtime.ask(ref, "hello")
    assert seen == []


class Worker(LoopActor):
    """Waits for `gate` in a coroutine, if the message is its name."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = asyncio.Event()
        self.is_waiting = asyncio.Event()
        self.seen: list[Any] = []
        self.failures: list[BaseException | None] = []

    def on_receive(self, message: Any) -> Any:
        if message == "wait":
            return self.wait()
        if callable(message):
            return message()
        self.seen.append(message)
        return message

    async def wait(self) -> str:
        self.seen.append("waiting")
        self.is_waiting.set()
        await self.gate.wait()
        self.is_waiting.clear()
        self.seen.append("waited")
        return "done"

    def on_failure(
        self,
        exception_type: type[BaseException] | None,  # noqa: ARG002
        exception_value: BaseException | None,
        traceback: TracebackType | None,  # noqa: ARG002
    ) -> None:
        self.failures.append(exception_value)


def start_worker(kind: type[Worker] = Worker) -> tuple[Worker, LoopActorRef[Worker]]:
    worker = kind()
    worker._start_actor_loop()
    return worker, worker.actor_ref


@pytest.fixture
def loop_complaints(io_loop: IOLoop) -> Iterator[list[dict[str, Any]]]:
    """Collect what the loop would log: errors nobody retrieved, callbacks that failed."""
    complaints: list[dict[str, Any]] = []
    loop = io_loop.asyncio_loop  # type: ignore[attr-defined]
    loop.set_exception_handler(lambda _loop, context: complaints.append(context))
    yield complaints
    gc.collect()
    assert complaints == []


async def test_an_actor_is_not_in_pykkas_registry() -> None:
    ref = Worker.start()
    assert pykka.ActorRegistry.get_all() == []
    assert await ref.stop_and_wait(deadline_s=DEADLINE_S) is True


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
async def test_a_request_that_takes_too_long_is_given_up_and_its_reply_dropped() -> None:
    worker, ref = start_worker()
    with pytest.raises(DeadlineExceeded) as raised:
        await ref.request("wait", deadline_s=0.001)
    assert (raised.value.actor, raised.value.message_type) == (str(ref), "str")
    assert raised.value.deadline_s == 0.001
    worker.gate.set()
    assert await ref.request("on", deadline_s=DEADLINE_S) == "on"
    assert worker.seen == ["waiting", "waited", "on"]


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


@pytest.mark.usefixtures("loop_complaints")
async def test_a_cancelled_asker_does_not_disturb_the_actor() -> None:
    worker, ref = start_worker()
    asker = asyncio.create_task(ref.request("wait", deadline_s=DEADLINE_S))
    await worker.is_waiting.wait()
    asker.cancel()
    await asyncio.wait([asker])
    assert asker.cancelled()
    worker.gate.set()
    assert await ref.request("on", deadline_s=DEADLINE_S) == "on"
    assert worker.seen == ["waiting", "waited", "on"]


async def test_a_request_to_a_dead_actor_is_refused() -> None:
    ref = Worker.start()
    await ref.stop_and_wait(deadline_s=DEADLINE_S)
    with pytest.raises(pykka.ActorDeadError):
        await ref.request("hello", deadline_s=DEADLINE_S)
    assert await ref.stop_and_wait(deadline_s=DEADLINE_S) is False


async def test_the_actors_own_timeout_is_not_taken_for_the_deadline() -> None:
    def time_out() -> None:
        raise TimeoutError

    _, ref = start_worker()
    with pytest.raises(TimeoutError):
        await ref.request(time_out, deadline_s=DEADLINE_S)


async def test_a_full_mailbox_refuses_all_but_the_stop() -> None:
    class Small(Worker):
        mailbox_limit: ClassVar[int] = 2

    worker, ref = start_worker(Small)
    ref.tell(1)
    ref.tell(2)
    with pytest.raises(MailboxFull) as raised:
        ref.tell(3)
    assert (raised.value.actor, raised.value.limit) == (str(ref), 2)
    with pytest.raises(MailboxFull):
        ref.ask(3, block=False)
    with pytest.raises(MailboxFull):
        await ref.request(3, deadline_s=DEADLINE_S)
    assert await ref.stop_and_wait(deadline_s=DEADLINE_S) is True
    assert worker.seen == [1, 2]


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


async def test_other_threads_are_refused() -> None:
    _, ref = start_worker()
    with pytest.raises(WrongThread) as raised:
        await asyncio.to_thread(ref.tell, "hello")
    assert raised.value.actor == str(ref)
    with pytest.raises(WrongThread):
        await asyncio.to_thread(ref.ask, "hello", block=False)


async def test_what_would_block_the_loop_is_refused() -> None:
    worker, ref = start_worker()
    with pytest.raises(WouldBlock):
        ref.ask("hello")
    with pytest.raises(WouldBlock):
        ref.stop()
    with pytest.raises(WouldBlock):
        ref.proxy()
    future = ref.ask("hello", block=False)
    with pytest.raises(WouldBlock):
        future.get()
    with pytest.raises(WouldBlock):
        future.map(str)
    assert await future == "hello"
    assert future.get(timeout=1.0) == "hello"
    assert worker.seen == ["hello"]


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


async def test_stopping_waits_for_an_end_that_is_under_way() -> None:
    gate = asyncio.Event()
    is_ending = asyncio.Event()

    class Slow(Worker):
        async def on_stop(self) -> None:  # type: ignore[override]
            is_ending.set()
            await gate.wait()

    _, ref = start_worker(Slow)
    ref.stop(block=False)
    await is_ending.wait()
    assert not ref.is_alive()
    with pytest.raises(DeadlineExceeded):
        await ref.stop_and_wait(deadline_s=0.001)
    waiting = asyncio.create_task(ref.stop_and_wait(deadline_s=DEADLINE_S))
    gate.set()
    assert await waiting is True


async def test_a_failing_clean_up_is_logged_and_the_actor_has_ended() -> None:
    class Untidy(Worker):
        def on_stop(self) -> None:
            raise Blunder

    _, ref = start_worker(Untidy)
    with capture_logs() as lines:
        assert await ref.stop_and_wait(deadline_s=DEADLINE_S) is True
    assert [line["event"] for line in lines] == ["actor_clean_up_failed"]


async def test_callbacks_learn_of_the_end_also_afterwards() -> None:
    ends: list[tuple[Any, BaseException | None]] = []
    _, ref = start_worker()
    ref.when_stopped(lambda *end: ends.append(end))
    await ref.stop_and_wait(deadline_s=DEADLINE_S)
    assert ends == [(ref, None)]
    ref.when_stopped(lambda *end: ends.append(end))
    await asyncio.sleep(0)
    assert ends == [(ref, None), (ref, None)]


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


async def test_an_end_of_the_process_passes_through_the_drain() -> None:
    class Last(BaseException):
        pass

    def end() -> None:
        raise Last

    raised: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(
        lambda _loop, context: raised.append(context.get("exception"))
    )
    worker, ref = start_worker()
    asked = ref.ask(end, block=False)
    with pytest.raises(pykka.ActorDeadError):
        await asked
    await asyncio.sleep(0)
    assert [type(error) for error in raised] == [Last]
    assert [type(failure) for failure in worker.failures] == [Last]


async def test_two_may_wait_for_one_reply_and_one_may_leave() -> None:
    worker, ref = start_worker()
    future = ref.ask("wait", block=False)

    async def wait() -> Any:
        return await future

    leaving, staying = asyncio.create_task(wait()), asyncio.create_task(wait())
    await worker.is_waiting.wait()
    leaving.cancel()
    await asyncio.wait([leaving])
    worker.gate.set()
    assert await staying == "done"


@pytest.mark.usefixtures("loop_complaints")
async def test_an_error_nobody_looks_at_makes_no_complaint() -> None:
    _, ref = start_worker()
    ref.ask(blunder, block=False)
    await ref.stop_and_wait(deadline_s=DEADLINE_S)
    ref.ask("too late", block=False)


def test_a_reply_is_given_once() -> None:
    future: LoopFuture[int] = LoopFuture()
    future.set(1)
    with pytest.raises(asyncio.InvalidStateError):
        future.set(2)
    with pytest.raises(asyncio.InvalidStateError):
        future.set_exception((Blunder, Blunder(), None))
    assert future.get() == 1


def test_a_future_takes_the_error_being_handled() -> None:
    future = LoopActor._create_future()
    try:
        raise Blunder
    except Blunder:
        future.set_exception()
    with pytest.raises(Blunder):
        future.get()


def test_the_traceback_of_a_shared_error_does_not_grow() -> None:
    error = Blunder()
    future: LoopFuture[int] = LoopFuture()
    future.set_exception((Blunder, error, None))

    def depth() -> int:
        with pytest.raises(Blunder):
            future.get()
        count, trace = 0, error.__traceback__
        while trace is not None:
            count, trace = count + 1, trace.tb_next
        return count

    assert depth() == depth()


async def test_the_inbox_is_read_as_pykka_reads_it() -> None:
    _, ref = start_worker()
    assert ref.actor_inbox.empty()
    ref.tell("hello")
    assert not ref.actor_inbox.empty()
    assert ref.actor_inbox.get().message == "hello"
    with pytest.raises(IndexError):
        ref.actor_inbox.get()


class Store(BatchActor[Any]):
    """Keeps the batches it was given; a message that can be called is called with its `Asked`."""

    batch_limit: ClassVar[int] = 3

    def __init__(self) -> None:
        super().__init__()
        self.gate = asyncio.Event()
        self.gate.set()
        self.is_waiting = asyncio.Event()
        self.batches: list[list[Any]] = []

    async def on_receive_many(self, messages: Sequence[Asked[Any]]) -> None:
        self.batches.append([asked.message for asked in messages])
        self.is_waiting.set()
        await self.gate.wait()
        for asked in messages:
            if callable(asked.message):
                asked.message(asked)
            else:
                asked.reply(asked.message)


def start_store() -> tuple[Store, LoopActorRef[Store]]:
    store = Store()
    store._start_actor_loop()
    return store, store.actor_ref


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


async def test_each_of_a_batch_is_answered_by_itself() -> None:
    _, ref = start_store()
    refused = ref.ask(lambda asked: asked.fail(Blunder()), block=False)
    taken = ref.ask("taken", block=False)
    with pytest.raises(Blunder):
        await refused
    assert await taken == "taken"


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
