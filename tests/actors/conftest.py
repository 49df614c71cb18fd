"""The `runtime` fixture: the same contract, run on our actors and on pykka's own."""

from __future__ import annotations

import asyncio
import gc
import threading
from abc import ABC, abstractmethod
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import pykka
import pytest

from actors.loop_actor import LoopActor
from tests.storage.conftest import cipher, clock, database, stores

__all__ = ["cipher", "clock", "database", "stores"]

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

    from tornado.ioloop import IOLoop

DEADLINE_S = 30.0


class _Recorder:
    """Keeps in `seen` what happens to it; a message that can be called is called."""

    def __init__(self, seen: list[Any]) -> None:
        super().__init__()
        self._seen = seen

    def on_start(self) -> None:
        self._seen.append("on_start")

    def on_stop(self) -> None:
        self._seen.append("on_stop")

    def on_failure(
        self,
        exception_type: type[BaseException] | None,
        exception_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._seen.append(("on_failure", exception_type, exception_value, traceback is not None))

    def on_receive(self, message: Any) -> Any:
        if callable(message):
            return message()
        self._seen.append(message)
        return message


class _FailsAtStart(_Recorder):
    def on_start(self) -> None:
        raise LookupError("no start")


class _LoopRecorder(_Recorder, LoopActor):
    pass


class _LoopFailsAtStart(_FailsAtStart, LoopActor):
    pass


class _ThreadRecorder(_Recorder, pykka.ThreadingActor):
    use_daemon_thread = True


class _ThreadFailsAtStart(_FailsAtStart, pykka.ThreadingActor):
    use_daemon_thread = True


class Runtime(ABC):
    """Drive recording actors of one implementation."""

    recorder: type[_Recorder]
    fails_at_start: type[_Recorder]

    def start(self, seen: list[Any]) -> pykka.ActorRef[Any]:
        return self._actor(self.recorder).start(seen)

    def start_failing(self, seen: list[Any]) -> pykka.ActorRef[Any]:
        return self._actor(self.fails_at_start).start(seen)

    async def ask(self, ref: pykka.ActorRef[Any], message: Any) -> Any:
        return await self.reply(ref.ask(message, block=False))

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Let the loop and the threads run until `is_so()`."""
        async with asyncio.timeout(DEADLINE_S):
            while not is_so():  # noqa: ASYNC110 (a thread's progress wakes no loop)
                await asyncio.sleep(0)

    @abstractmethod
    async def reply(self, future: pykka.Future[Any]) -> Any:
        """Wait for the reply that `future` is for."""

    @abstractmethod
    def at_work(self, ref: pykka.ActorRef[Any]) -> AbstractContextManager[None]:
        """Have messages told inside the block wait until it is left."""

    @staticmethod
    def _actor(recorder: type[_Recorder]) -> type[pykka.Actor]:
        assert issubclass(recorder, pykka.Actor)
        return recorder


class _Loop(Runtime):
    recorder = _LoopRecorder
    fails_at_start = _LoopFailsAtStart

    async def reply(self, future: pykka.Future[Any]) -> Any:
        async with asyncio.timeout(DEADLINE_S):
            return await future

    def at_work(self, ref: pykka.ActorRef[Any]) -> AbstractContextManager[None]:
        return nullcontext()


class _Threads(Runtime):
    recorder = _ThreadRecorder
    fails_at_start = _ThreadFailsAtStart

    async def reply(self, future: pykka.Future[Any]) -> Any:
        return await asyncio.to_thread(future.get, timeout=DEADLINE_S)

    @contextmanager
    def at_work(self, ref: pykka.ActorRef[Any]) -> Iterator[None]:
        is_over = threading.Event()
        ref.tell(lambda: is_over.wait(DEADLINE_S))
        yield
        is_over.set()


@pytest.fixture(params=[_Loop, _Threads], ids=["loop", "threads"])
def runtime(request: pytest.FixtureRequest) -> Iterator[Runtime]:
    """Give the contract tests each implementation in turn."""
    yield request.param()
    pykka.ActorRegistry.stop_all(timeout=DEADLINE_S)


@pytest.fixture
def loop_complaints(io_loop: IOLoop) -> Iterator[list[dict[str, Any]]]:
    """Collect what the loop would log: errors nobody retrieved, callbacks that failed."""
    complaints: list[dict[str, Any]] = []
    loop = io_loop.asyncio_loop  # type: ignore[attr-defined]
    loop.set_exception_handler(lambda _loop, context: complaints.append(context))
    yield complaints
    gc.collect()
    assert complaints == []
