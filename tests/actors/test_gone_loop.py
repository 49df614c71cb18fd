from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from typing import Any

import pytest

from actors.loop_ref import LoopActorRef
from tests.support.loop_actors import Store, Worker, start_store, start_worker


class Slow(Worker):
    async def on_start(self) -> None:  # type: ignore[override]
        await self.wait()


def starting() -> tuple[Worker, LoopActorRef[Worker]]:
    return start_worker(Slow)


def batching() -> tuple[Store, LoopActorRef[Store]]:
    store, ref = start_store()
    store.gate.clear()
    return store, ref


@pytest.mark.parametrize(
    "start", [starting, start_worker, batching], ids=lambda each: each.__name__
)
def test_an_actor_at_work_is_freed_without_its_loop(start: Callable[[], Any]) -> None:
    """It can wait for nothing and wake nobody; some later test would fail by what it raised."""
    loop = asyncio.new_event_loop()
    left: list[str] = []
    loop.set_exception_handler(lambda _loop, context: left.append(context["message"]))

    async def ask(ref: LoopActorRef[Any]) -> None:
        await ref.ask("wait", block=False)

    async def leave() -> None:
        actor, ref = start()
        asking.append(asyncio.create_task(ask(ref)))
        await actor.is_waiting.wait()

    asking: list[asyncio.Task[None]] = []
    loop.run_until_complete(leave())
    loop.close()
    asking.clear()
    gc.collect()
    assert left == ["Task was destroyed but it is pending!"] * 2
