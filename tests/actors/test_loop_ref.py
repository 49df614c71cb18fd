from __future__ import annotations

import asyncio
from typing import Any

import pykka
import pytest

from actors.loop_future import WouldBlock
from actors.loop_ref import DeadlineExceeded
from tests.support.loop_actors import DEADLINE_S, Worker, start_worker


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


async def test_a_dead_actor_takes_no_message_and_has_nothing_to_stop() -> None:
    ref = Worker.start()
    ref.tell("hello")
    await ref.stop_and_wait(deadline_s=DEADLINE_S)
    with pytest.raises(pykka.ActorDeadError):
        ref.tell("hello")
    with pytest.raises(pykka.ActorDeadError):
        await ref.ask("hello", block=False)
    assert await ref.stop(block=False) is False


async def test_the_actors_own_timeout_is_not_taken_for_the_deadline() -> None:
    def time_out() -> None:
        raise TimeoutError

    _, ref = start_worker()
    with pytest.raises(TimeoutError):
        await ref.request(time_out, deadline_s=DEADLINE_S)


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


async def test_callbacks_learn_of_the_end_also_afterwards() -> None:
    ends: list[tuple[Any, BaseException | None]] = []
    _, ref = start_worker()
    ref.when_stopped(lambda *end: ends.append(end))
    await ref.stop_and_wait(deadline_s=DEADLINE_S)
    assert ends == [(ref, None)]
    ref.when_stopped(lambda *end: ends.append(end))
    await asyncio.sleep(0)
    assert ends == [(ref, None), (ref, None)]


async def test_what_would_block_the_loop_is_refused() -> None:
    worker, ref = start_worker()
    with pytest.raises(WouldBlock):
        ref.ask("hello")
    with pytest.raises(WouldBlock):
        ref.stop()
    with pytest.raises(WouldBlock):
        ref.proxy()
    assert await ref.ask("on", block=False) == "on"
    assert worker.seen == ["on"]
