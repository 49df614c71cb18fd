"""What holds for our actors and for pykka's own alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pykka
import pytest

from tests.support.loop_actors import Blunder, blunder

if TYPE_CHECKING:
    from tests.actors.conftest import Runtime


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
