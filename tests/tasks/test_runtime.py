from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from tasks.runtime import LoopThread


@pytest.fixture
def loop() -> Iterator[LoopThread]:
    loop = LoopThread("test")
    loop.start()
    yield loop
    loop.stop()


async def _answer(value: int) -> int:
    await asyncio.sleep(0)
    return value


async def _fail() -> None:
    raise LookupError("gone")


def test_a_coroutine_runs_on_the_loops_thread_and_its_result_comes_back(loop: LoopThread) -> None:
    async def where() -> str:
        return threading.current_thread().name

    assert loop.run(_answer(5), deadline_s=5) == 5
    assert loop.run(where(), deadline_s=5) == "test"


def test_an_error_comes_back_as_it_is(loop: LoopThread) -> None:
    with pytest.raises(LookupError, match="gone"):
        loop.run(_fail(), deadline_s=5)


def test_what_takes_too_long_is_cancelled(loop: LoopThread) -> None:
    cancelled = threading.Event()

    async def endless() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    with pytest.raises(TimeoutError):
        loop.run(endless(), deadline_s=0.01)
    assert cancelled.wait(5)


def test_stopping_cancels_what_was_spawned() -> None:
    loop = LoopThread("test")
    loop.start()
    started, cancelled = threading.Event(), threading.Event()

    async def endless() -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    loop.spawn(endless())
    assert started.wait(5)
    loop.stop()
    assert cancelled.is_set()


def test_a_loop_that_was_never_started_can_be_stopped() -> None:
    LoopThread("test").stop()
