from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pykka
import pytest

from actors.loop_ref import LoopActorRef
from tests.support.loop_actors import start_store, start_worker


class Last(BaseException):
    """What no handler of exceptions catches, as a panic in a library written in Rust."""


async def test_an_end_of_the_process_passes_through_the_drain() -> None:
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


async def _panic(*_asked: Any) -> None:
    raise Last


def _panic_at_once(_asked: Any) -> None:
    raise Last


@pytest.mark.parametrize(
    ("start", "panic"), [(start_worker, _panic), (start_store, _panic_at_once)]
)
async def test_what_no_actor_can_handle_ends_it_in_the_midst_of_a_coroutine_too(
    start: Callable[[], tuple[Any, LoopActorRef[Any]]], panic: Callable[..., Any]
) -> None:
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)
    _, ref = start()
    asked = ref.ask(panic, block=False)
    with pytest.raises(pykka.ActorDeadError):
        await asked
    assert not ref.is_alive()
