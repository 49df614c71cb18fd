"""Actors to try the loop's runtime on."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, ClassVar

from actors.batch_actor import BatchActor
from actors.loop_actor import LoopActor

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from actors.asked import Asked
    from actors.loop_ref import LoopActorRef

DEADLINE_S = 30.0


class Blunder(Exception):
    pass


def blunder() -> None:
    raise Blunder


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
        exception_type: type[BaseException] | None,
        exception_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.failures.append(exception_value)


def start_worker(kind: type[Worker] = Worker) -> tuple[Worker, LoopActorRef[Worker]]:
    worker = kind()
    worker._start_actor_loop()
    return worker, worker.actor_ref


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
