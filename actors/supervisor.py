"""Keep the single actors of a process running: start anew what fails, stop all in reverse order.

A failed actor's waiting messages are answered with `pykka.ActorDeadError` and are gone; a new
actor begins with an empty mailbox. An actor that was asked to stop stays stopped.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import pykka
import structlog

from actors.loop_ref import DeadlineExceeded, LoopActorRef
from rules.backoff import doubled

FIRST_DELAY_S = 0.1
"""Long enough not to spin, short enough that askers see one refusal at most."""

LONGEST_DELAY_S = 5.0
"""A store that comes back is used again within this."""

HEALTHY_AFTER_S = 60.0
"""An actor that lived this long failed for a new reason, so its next start waits little."""

Factory: TypeAlias = Callable[[], LoopActorRef[Any]]

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class ActorRestarting(pykka.ActorDeadError):
    """The actor of this name has failed and is about to be started anew."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is being restarted")
        self.name = name


class ActorNotSupervised(Exception):
    """No actor was started under this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"no actor named {name}")
        self.name = name


class Timer(Protocol):
    """What can be called off."""

    def cancel(self) -> None:
        """Call it off."""


class Clock(Protocol):
    """Monotonic time and timers, as an asyncio loop has them."""

    def time(self) -> float:
        """Return the time in seconds."""

    def call_later(self, delay: float, callback: Callable[..., object], *args: Any) -> Timer:
        """Call `callback(*args)` in `delay` seconds."""


@dataclass(slots=True)
class _Child:
    """One supervised actor: how to start it, and where it stands."""

    name: str
    factory: Factory
    ref: LoopActorRef[Any]
    started_at: float
    restarts: int = 0
    failures_in_a_row: int = 0
    restart: Timer | None = None
    is_stopped: bool = False


class Supervisor:
    """Start actors by name and start them anew when they fail.

    `clock` is the running loop unless given.
    """

    def __init__(self, *, clock: Clock | None = None) -> None:
        self._clock: Clock = clock if clock is not None else asyncio.get_running_loop()
        self._children: dict[str, _Child] = {}
        self._is_stopping = False

    def start(self, name: str, factory: Factory) -> LoopActorRef[Any]:
        """Start an actor by `factory`, now and after each failure; return the first ref.

        Keep the name rather than the ref: `ref(name)` is the one that is alive. What the factory
        raises this first time is raised here.
        """
        ref = factory()
        child = _Child(name=name, factory=factory, ref=ref, started_at=self._clock.time())
        self._children[name] = child
        self._watch(child)
        return ref

    def ref(self, name: str) -> LoopActorRef[Any]:
        """Return the ref of the actor that is alive.

        Raises `ActorRestarting` while it is down, `pykka.ActorDeadError` when it was asked to
        stop, `ActorNotSupervised`.
        """
        child = self._children.get(name)
        if child is None:
            raise ActorNotSupervised(name)
        if child.ref.is_alive():
            return child.ref
        if child.is_stopped or self._is_stopping:
            raise pykka.ActorDeadError(f"{name} was stopped")
        raise ActorRestarting(name)

    def waiting(self) -> dict[str, int]:
        """Return how many messages wait for each actor."""
        return {name: child.ref.waiting for name, child in self._children.items()}

    async def stop_all(self, *, deadline_s: float) -> None:
        """Stop all actors, the last started first, each behind its waiting messages.

        Each may take its share of what is left of `deadline_s`; one that takes longer is logged
        and left, so that the others still stop in order.
        """
        self._is_stopping = True
        stop_by = self._clock.time() + deadline_s
        to_stop = list(self._children.values())
        while to_stop:
            share_s = max(0.0, stop_by - self._clock.time()) / len(to_stop)
            child = to_stop.pop()
            if child.restart is not None:
                child.restart.cancel()
            try:
                await child.ref.stop_and_wait(deadline_s=share_s)
            except DeadlineExceeded as error:
                log.warning("actor_did_not_stop", name=child.name, deadline_s=error.deadline_s)

    def _watch(self, child: _Child) -> None:
        def ended(_ref: LoopActorRef[Any], failure: BaseException | None) -> None:
            if failure is None:
                child.is_stopped = True
            elif not self._is_stopping:
                self._restart_later(child, failure)

        child.ref.when_stopped(ended)

    def _restart_later(self, child: _Child, failure: BaseException) -> None:
        if self._clock.time() - child.started_at >= HEALTHY_AFTER_S:
            child.failures_in_a_row = 0
        delay_s = doubled(FIRST_DELAY_S, times=child.failures_in_a_row, longest_s=LONGEST_DELAY_S)
        child.failures_in_a_row += 1
        child.restarts += 1
        log.error(
            "actor_restarting",
            name=child.name,
            cause=repr(failure),
            restarts=child.restarts,
            delay_s=delay_s,
        )
        child.restart = self._clock.call_later(delay_s, self._restart, child)

    def _restart(self, child: _Child) -> None:
        child.restart = None
        child.started_at = self._clock.time()
        try:
            child.ref = child.factory()
        except Exception as error:  # noqa: BLE001 (logged, and tried again)
            self._restart_later(child, error)
        else:
            self._watch(child)
