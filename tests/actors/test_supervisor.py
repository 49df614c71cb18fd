from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pykka
import pytest
from structlog.testing import capture_logs

from actors.loop_actor import LoopActor
from actors.loop_ref import LoopActorRef
from actors.supervisor import ActorNotSupervised, ActorRestarting, Supervisor

if TYPE_CHECKING:
    from collections.abc import Callable

DEADLINE_S = 30.0


class Blunder(Exception):
    pass


def blunder() -> None:
    raise Blunder


class Single(LoopActor):
    def __init__(self, stopped: list[str], name: str) -> None:
        super().__init__()
        self._stopped = stopped
        self._name = name

    def on_receive(self, message: Any) -> Any:
        return message() if callable(message) else message

    def on_stop(self) -> None:
        self._stopped.append(self._name)


class ScheduledCall:
    def __init__(self, delay_s: float, callback: Callable[..., object], args: Any) -> None:
        self.delay_s = delay_s
        self.is_cancelled = False
        self._callback = callback
        self._args = args

    def cancel(self) -> None:
        self.is_cancelled = True

    def run(self) -> None:
        self._callback(*self._args)


class SteppedClock:
    """Time that stands still until a test moves it."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.calls: list[ScheduledCall] = []

    def time(self) -> float:
        return self.now_s

    def call_later(
        self, delay: float, callback: Callable[..., object], *args: Any
    ) -> ScheduledCall:
        call = ScheduledCall(delay, callback, args)
        self.calls.append(call)
        return call


async def fail(ref: LoopActorRef[Any]) -> None:
    """Have the actor die, and wait until its supervisor knows."""
    ended = asyncio.Event()
    ref.when_stopped(lambda *_: ended.set())
    ref.tell(blunder)
    async with asyncio.timeout(DEADLINE_S):
        await ended.wait()


async def test_a_failed_actor_is_down_until_it_is_started_anew() -> None:
    clock = SteppedClock()
    supervisor = Supervisor(clock=clock)
    first = supervisor.start("lane", lambda: Single.start([], "lane"))
    assert supervisor.ref("lane") is first
    behind: list[Any] = []
    first.tell(lambda: behind.append(first.ask("behind", block=False)))
    with capture_logs() as lines:
        await fail(first)
    with pytest.raises(ActorRestarting) as raised:
        supervisor.ref("lane")
    assert raised.value.name == "lane"
    restarting = [line for line in lines if line["event"] == "actor_restarting"]
    assert [(line["name"], line["cause"], line["restarts"]) for line in restarting] == [
        ("lane", "Blunder()", 1)
    ]
    with pytest.raises(pykka.ActorDeadError):
        await behind[0]
    clock.calls[0].run()
    second = supervisor.ref("lane")
    assert second is not first
    assert await second.request("hello", deadline_s=DEADLINE_S) == "hello"


async def test_the_delay_doubles_to_its_bound_and_starts_again_after_a_healthy_life() -> None:
    clock = SteppedClock()
    supervisor = Supervisor(clock=clock)
    supervisor.start("lane", lambda: Single.start([], "lane"))
    for _ in range(8):
        await fail(supervisor.ref("lane"))
        clock.calls[-1].run()
    clock.now_s += 59.9
    await fail(supervisor.ref("lane"))
    clock.calls[-1].run()
    clock.now_s += 60.0
    await fail(supervisor.ref("lane"))
    assert [call.delay_s for call in clock.calls] == [
        0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0, 5.0, 0.1,
    ]  # fmt: skip


async def test_a_start_that_raises_is_tried_again() -> None:
    clock = SteppedClock()
    supervisor = Supervisor(clock=clock)
    outcomes: list[Callable[[], None]] = [lambda: None, blunder, lambda: None]

    def start() -> LoopActorRef[Single]:
        outcomes.pop(0)()
        return Single.start([], "lane")

    await fail(supervisor.start("lane", start))
    clock.calls[0].run()
    with pytest.raises(ActorRestarting):
        supervisor.ref("lane")
    clock.calls[1].run()
    assert supervisor.ref("lane").is_alive()
    assert [call.delay_s for call in clock.calls] == [0.1, 0.2]


async def test_a_start_that_raises_for_hours_is_still_tried_again() -> None:
    clock = SteppedClock()
    supervisor = Supervisor(clock=clock)
    is_away = [False]

    def start() -> LoopActorRef[Single]:
        if is_away[0]:
            raise Blunder
        return Single.start([], "lane")

    ref = supervisor.start("lane", start)
    is_away[0] = True
    with capture_logs():
        await fail(ref)
        for _ in range(1_100):
            clock.calls.pop().run()
    is_away[0] = False
    (call,) = clock.calls
    assert call.delay_s == 5.0
    call.run()
    assert supervisor.ref("lane").is_alive()


async def test_a_first_start_that_raises_is_the_callers() -> None:
    supervisor = Supervisor()

    def start() -> LoopActorRef[Single]:
        raise Blunder

    with pytest.raises(Blunder):
        supervisor.start("lane", start)
    with pytest.raises(ActorNotSupervised) as raised:
        supervisor.ref("lane")
    assert raised.value.name == "lane"


async def test_an_actor_that_was_asked_to_stop_stays_stopped() -> None:
    clock = SteppedClock()
    supervisor = Supervisor(clock=clock)
    ref = supervisor.start("lane", lambda: Single.start([], "lane"))
    await ref.stop_and_wait(deadline_s=DEADLINE_S)
    with pytest.raises(pykka.ActorDeadError, match="lane was stopped"):
        supervisor.ref("lane")
    assert clock.calls == []


async def test_it_says_how_many_messages_wait_for_each() -> None:
    supervisor = Supervisor()
    lane = supervisor.start("lane", lambda: Single.start([], "lane"))
    supervisor.start("limiter", lambda: Single.start([], "limiter"))
    for _ in range(3):
        lane.tell("later")
    assert supervisor.waiting() == {"lane": 3, "limiter": 0}
    await supervisor.stop_all(deadline_s=DEADLINE_S)


async def test_all_are_stopped_the_last_started_first() -> None:
    stopped: list[str] = []
    supervisor = Supervisor()
    for name in ("limiter", "lane", "dispatcher"):
        supervisor.start(name, lambda name=name: Single.start(stopped, name))  # type: ignore[misc]
    await supervisor.stop_all(deadline_s=DEADLINE_S)
    assert stopped == ["dispatcher", "lane", "limiter"]
    with pytest.raises(pykka.ActorDeadError):
        supervisor.ref("lane")


async def test_stopping_calls_off_a_restart() -> None:
    clock = SteppedClock()
    supervisor = Supervisor(clock=clock)
    await fail(supervisor.start("lane", lambda: Single.start([], "lane")))
    await supervisor.stop_all(deadline_s=DEADLINE_S)
    assert [call.is_cancelled for call in clock.calls] == [True]
    with pytest.raises(pykka.ActorDeadError, match="lane was stopped"):
        supervisor.ref("lane")


async def test_an_actor_that_fails_while_all_stop_is_not_started_anew() -> None:
    clock = SteppedClock()
    supervisor = Supervisor(clock=clock)
    ref = supervisor.start("lane", lambda: Single.start([], "lane"))
    ref.tell(blunder)
    await supervisor.stop_all(deadline_s=DEADLINE_S)
    await asyncio.sleep(0)
    assert not ref.is_alive()
    assert clock.calls == []


async def test_an_actor_that_does_not_stop_in_time_does_not_hold_up_the_others() -> None:
    stopped: list[str] = []
    gate = asyncio.Event()
    supervisor = Supervisor()
    supervisor.start("limiter", lambda: Single.start(stopped, "limiter"))
    stuck = supervisor.start("lane", lambda: Single.start(stopped, "lane"))
    stuck.tell(gate.wait)
    with capture_logs() as lines:
        await supervisor.stop_all(deadline_s=0.2)
    assert stopped == ["limiter"]
    assert [(line["event"], line["name"]) for line in lines] == [("actor_did_not_stop", "lane")]
    gate.set()
    await stuck.stop_and_wait(deadline_s=DEADLINE_S)
