"""The actor that carries out schedules when their time has come.

It wakes when the next one that it knows of is due, and every few seconds besides, because another
process may have taken a schedule in and died. Every server process has one; a guarded claim shares
the work out.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from pykka import ActorDeadError

from actors.dispatcher import Accept, Dispatcher
from actors.due_schedules import CarriedOut, DueSchedules
from actors.loop_actor import LoopActor
from actors.loop_ref import DeadlineExceeded, LoopActorRef
from actors.mailbox import MailboxFull
from storage.client import StoreUnavailable
from storage.events import NewEvent
from storage.positions import PositionClock

WAKE_EVERY_S = 3.0
"""Due work starts within 5 s of its time (contract section 5)."""

LOOK_AHEAD = timedelta(seconds=2 * WAKE_EVERY_S)
"""How far ahead schedules are looked for, so that none is due between two looks unseen."""

ACCEPT_DEADLINE_S = 5.0
"""Below the time after which a claim is taken for left."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Wake:
    """Carry out what is due, and look when the next is."""


@dataclass(frozen=True, slots=True)
class Planned:
    """Wake then at the latest."""

    at: datetime


class Scheduler(LoopActor):
    """Wakes when schedules are due."""

    mailbox_limit = 10_000

    def __init__(
        self,
        due_schedules: DueSchedules,
        dispatcher: Callable[[], LoopActorRef[Dispatcher]],
        clock: PositionClock,
    ) -> None:
        super().__init__()
        self._due_schedules = due_schedules
        self._dispatcher = dispatcher
        self._clock = clock
        self._timer: asyncio.TimerHandle | None = None
        self._wakes_at: datetime | None = None

    async def on_receive(self, message: Any) -> None:
        """Do what is asked; what cannot be done now is due again when it is done next."""
        match message:
            case Wake():
                await self._wake()
            case Planned():
                self._wake_by(message.at)
            case _:
                raise TypeError(f"the scheduler does not take {type(message).__name__}")

    async def on_stop(self) -> None:  # type: ignore[override]
        """Wake no more."""
        self._sleep()

    async def _wake(self) -> None:
        self._sleep()
        try:
            done = await self._carry_out()
        except (StoreUnavailable, MailboxFull, ActorDeadError, DeadlineExceeded) as error:
            log.warning("schedules_put_off", cause=str(error))
            return
        if done.has_more:
            # By way of the mailbox, so that what else waits comes in between.
            self._wake_by(self._clock.store_now())
        elif done.next_at is not None:
            self._wake_by(done.next_at)

    async def _carry_out(self) -> CarriedOut:
        done = await self._due_schedules.carry_out(
            self._accept, by=self._clock.store_now(), look_ahead=LOOK_AHEAD
        )
        if done.count:
            log.info("schedules_sent", count=done.count)
        return done

    async def _accept(self, events: Sequence[NewEvent]) -> None:
        await self._dispatcher().request(Accept(events), deadline_s=ACCEPT_DEADLINE_S)

    def _wake_by(self, at: datetime) -> None:
        """Wake then, unless that is to be sooner anyway."""
        if self._wakes_at is not None and self._wakes_at <= at:
            return
        self._sleep()
        wait_s = max(0.0, (at - self._clock.store_now()).total_seconds())
        if wait_s < LOOK_AHEAD.total_seconds():
            self._wakes_at = at
            self._timer = self._loop.call_later(wait_s, self._ring)

    def _sleep(self) -> None:
        self._wakes_at = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _ring(self) -> None:
        self._sleep()
        with contextlib.suppress(MailboxFull, ActorDeadError):
            self.actor_ref.tell(Wake())
