from __future__ import annotations

import asyncio
from typing import Any

import pytest

from actors.loop_future import LoopFuture, WouldBlock
from tests.support.loop_actors import DEADLINE_S, Blunder, blunder, start_worker


async def test_a_future_is_read_once_it_is_settled_and_never_blocks() -> None:
    _, ref = start_worker()
    future = ref.ask("hello", block=False)
    with pytest.raises(WouldBlock):
        future.get()
    with pytest.raises(WouldBlock):
        future.map(str)
    assert await future == "hello"
    assert future.get(timeout=30.0) == "hello"


async def test_who_does_not_wait_is_called_once_the_reply_is_there() -> None:
    worker, ref = start_worker()
    future = ref.ask("wait", block=False)
    called: list[Any] = []
    future.when_settled(lambda settled: called.append(settled.get()))
    await worker.is_waiting.wait()
    assert called == []
    worker.gate.set()
    assert await future == "done"
    future.when_settled(lambda settled: called.append(settled.get()))
    await asyncio.sleep(0)
    assert called == ["done", "done"]


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


async def test_who_waits_no_longer_than_a_while_gets_the_reply_within_it() -> None:
    worker, ref = start_worker()
    future = ref.ask("wait", block=False)
    waiting = asyncio.create_task(future.within(DEADLINE_S))
    await worker.is_waiting.wait()
    worker.gate.set()
    assert await waiting == "done"
    assert not future.is_abandoned


async def test_who_has_waited_for_a_while_gets_no_reply_any_more() -> None:
    future: LoopFuture[int] = LoopFuture()
    with pytest.raises(TimeoutError):
        await future.within(0.01)
    assert future.is_abandoned
    future.set(1)


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
    future: LoopFuture[int] = LoopFuture()
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


async def test_whoever_awaits_an_abandoned_future_is_woken_and_the_reply_is_dropped() -> None:
    future: LoopFuture[int] = LoopFuture()

    async def wait() -> int:
        return await future

    waiting = asyncio.create_task(wait())
    await asyncio.sleep(0)
    future.abandon(Blunder())
    with pytest.raises(Blunder):
        await waiting
    future.set(1)
    with pytest.raises(Blunder):
        await future


def test_a_settled_future_that_is_abandoned_keeps_its_reply() -> None:
    future: LoopFuture[int] = LoopFuture()
    future.set(1)
    future.abandon(Blunder())
    assert future.get() == 1
