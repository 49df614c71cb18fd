"""Run pykka's actors on the asyncio loop, with no thread, and no task for an actor that is idle.

The model: `Actor.start()` returns a ref. `ref.tell(message)` puts a message into the actor's
bounded mailbox; `await ref.request(message, deadline_s=...)` also waits for the reply. The first
message in an idle mailbox schedules one drain, which calls `on_receive` for message after
message. A plain handler runs right there; a coroutine it returns runs in a task, and the next
message waits until it is done. A `BatchActor` takes all that waits at once. An error goes to the
asker and the actor lives on; without an asker it is logged and the actor stops.

All this belongs to the thread of the loop. Other threads are refused (`WrongThread`), because a
teller there could not be told that the mailbox is full or the actor dead. Handlers run in a
`contextvars` context of the actor's own, so that its log lines do not carry the ids bound by
whoever happened to wake it. Actors are not in `pykka.ActorRegistry`, a linear list: keep the ref.

Askers get `pykka.ActorDeadError`, `MailboxFull`, `DeadlineExceeded`, `Unanswered`,
`UnknownMessage` or what the handler raised; misuse raises `WouldBlock` or `WrongThread`.

This module, `actors/loop_ref.py` and `actors/batch_actor.py` are the only users of pykka's privates
(the hooks of `pykka.Actor`, its envelope and its stop message): pykka is pinned because of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import Context
from functools import partial
from time import monotonic
from types import CoroutineType, TracebackType
from typing import Any, ClassVar, Self, TypeAlias
from uuid import uuid4

import pykka
import structlog
from pykka._envelope import Envelope
from pykka.messages import _ActorStop

from actors.asked import Asked
from actors.loop_future import LoopFuture
from actors.loop_ref import LoopActorRef
from actors.mailbox import Mailbox

Hook: TypeAlias = Coroutine[Any, Any, None] | None

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class UnknownMessage(Exception):
    """The actor has no handler for messages of this type."""

    def __init__(self, actor: str, message_type: str) -> None:
        super().__init__(f"{actor} does not handle {message_type}")
        self.actor = actor
        self.message_type = message_type


class _Flag:
    """What pykka asks of an event. Its own has a lock and a queue: 1 KB of each connected user."""

    __slots__ = ("_is_set",)

    def __init__(self) -> None:
        self._is_set = False

    def is_set(self) -> bool:
        return self._is_set

    def set(self) -> None:
        self._is_set = True


class LoopActor(pykka.Actor):
    """Be an actor on the running loop: implement `on_receive`, plain or as a coroutine.

    A plain `on_receive` may return the coroutine of another method for those messages that
    have to wait for something. `on_start`, `on_stop` and `on_failure` may be coroutines too.
    """

    mailbox_limit: ClassVar[int] = 10_000
    """Messages that may wait: a bound on memory, far above what a healthy actor leaves waiting."""

    turn_s: ClassVar[float] = 0.010
    """How long messages are handled one after another before the loop gets its turn."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._context = Context()
        self._task: asyncio.Task[None] | None = None
        # What pykka's own does, without an event and a ref that would be replaced.
        self.actor_urn = uuid4().urn
        self.mailbox = self._create_actor_inbox()
        self.mailbox.owner = str(self)
        self.actor_inbox = self.mailbox
        self.actor_stopped = _Flag()  # type: ignore[assignment]
        self._actor_ref: LoopActorRef[Any] = LoopActorRef(self)

    @classmethod
    def start(cls, *args: Any, **kwargs: Any) -> LoopActorRef[Self]:
        """Make an actor on the running loop and return the ref to it."""
        actor = cls(*args, **kwargs)
        actor._start_actor_loop()
        return actor.actor_ref

    @property
    def actor_ref(self) -> LoopActorRef[Self]:
        """The ref to this actor."""
        return self._actor_ref

    def on_start(self) -> Hook:  # type: ignore[override]
        """Prepare before the first message; an error here ends the actor."""

    def on_stop(self) -> Hook:  # type: ignore[override]
        """Clean up at the end of an actor that was asked to stop."""

    def on_failure(  # type: ignore[override]
        self,
        exception_type: type[BaseException] | None,
        exception_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> Hook:
        """Clean up after the failure that ends the actor."""

    def on_quiet(self) -> None:
        """Take note that no message waits any more; cheap, because it is called often."""

    def on_receive(self, message: Any) -> Any:
        """Handle one message and return the reply; raises `UnknownMessage` unless overridden."""
        raise UnknownMessage(str(self), type(message).__name__)

    def stop(self) -> None:
        """Stop behind the messages that wait."""
        self.mailbox.put(Envelope(_ActorStop()))

    @classmethod
    def _create_actor_inbox(cls) -> Mailbox[Envelope[Any]]:
        return Mailbox(owner=cls.__name__, limit=cls.mailbox_limit, always_admitted=_ActorStop)

    @staticmethod
    def _create_future() -> LoopFuture[Any]:
        return LoopFuture()

    def _start_actor_loop(self) -> None:
        wake = partial(self._loop.call_soon, self._drain, context=self._context)
        if type(self).on_start is LoopActor.on_start:
            self.mailbox.open(wake)
        else:
            self._spawn(self._begin(wake))

    async def _begin(self, wake: Callable[[], object]) -> None:
        try:
            await _finish(self.on_start())
        except Exception as error:
            log.exception("actor_start_failed", actor=str(self))
            await self._end(error, clean_up=_nothing)
        except GeneratorExit:
            # The collector's, since its loop has gone: it can wait for nothing and wake nobody.
            raise
        except BaseException as error:
            await self._end(error, clean_up=_nothing)
            raise
        else:
            self.mailbox.open(wake)

    def _drain(self) -> None:
        """Handle what waits until nothing does, a coroutine turns up or the turn is over."""
        waiting = self.mailbox.waiting
        turn_ends = monotonic() + self.turn_s
        while waiting:
            unfinished = self._handle_next()
            if unfinished is not None:
                self._spawn(self._finish_then_drain(unfinished))
                return
            if monotonic() >= turn_ends:
                self._loop.call_soon(self._drain, context=self._context)
                return
        self.mailbox.is_idle = True
        self.on_quiet()

    async def _finish_then_drain(self, unfinished: Coroutine[Any, Any, None]) -> None:
        await unfinished
        # Who waits for the next message needs it no more, nor the half KB that it takes.
        self._task = None
        if not self.actor_stopped.is_set():
            self._drain()

    def _handle_next(self) -> Coroutine[Any, Any, None] | None:
        """Handle what is next in the mailbox; return what of it has to be awaited, if anything."""
        envelope = self.mailbox.waiting.popleft()
        message = envelope.message
        if type(message) is _ActorStop:
            return self._end(None, envelope)
        try:
            response = self.on_receive(message)
        except Exception as error:  # noqa: BLE001 (it goes to the asker or into the log)
            return self._fail(envelope, error)
        except BaseException as error:
            self._spawn(self._end(error, envelope))
            raise
        if type(response) is CoroutineType:
            return self._reply_when_finished(envelope, response)
        if envelope.reply_to is not None:
            envelope.reply_to.set(response)
        return None

    async def _reply_when_finished(
        self, envelope: Envelope[Any], response: Coroutine[Any, Any, Any]
    ) -> None:
        try:
            value = await response
        except Exception as error:  # noqa: BLE001 (it goes to the asker or into the log)
            await _finish(self._fail(envelope, error))
        except GeneratorExit:
            # The collector's, since its loop has gone: it can wait for nothing and wake nobody.
            raise
        except BaseException as error:
            await self._end(error, envelope)
            raise
        else:
            if envelope.reply_to is not None:
                envelope.reply_to.set(value)

    def _fail(self, envelope: Envelope[Any], error: Exception) -> Hook:
        asked = Asked(envelope.message, envelope.reply_to)
        asked.fail(error)
        self._log_failure(asked)
        return None if asked.is_asked else self._end(error)

    def _log_failure(self, asked: Asked[Any]) -> None:
        """Log the failure of a message unless whoever asked gets to see it."""
        if asked.failure is not None and (asked.is_abandoned or not asked.is_asked):
            log.error(
                "message_failed",
                actor=str(self),
                message_type=type(asked.message).__name__,
                message_id=getattr(asked.message, "message_id", None),
                exc_info=asked.failure,
            )

    def _end(
        self,
        failure: BaseException | None,
        *unhandled: Envelope[Any],
        clean_up: Callable[[], Hook] | None = None,
    ) -> Coroutine[Any, Any, None]:
        """Take no more messages, refuse those that wait, and return the rest of the end."""
        self.actor_stopped.set()
        left = [*unhandled, *self.mailbox.waiting]
        self.mailbox.waiting.clear()
        told_count = 0
        for envelope in left:
            if type(envelope.message) is _ActorStop:
                self.mailbox.waiting.append(envelope)
            elif envelope.reply_to is None:
                told_count += 1
            else:
                dead = pykka.ActorDeadError(f"{self} stopped before handling the message")
                envelope.reply_to.set_exception((pykka.ActorDeadError, dead, None))
        if told_count:
            log.warning("messages_dropped", actor=str(self), count=told_count)
        if failure is not None and not isinstance(failure, Exception):
            log.warning("actor_cut_off", actor=str(self), cause=repr(failure))
        if failure is None:
            clean_up = self.on_stop
        elif clean_up is None:
            clean_up = partial(self.on_failure, type(failure), failure, failure.__traceback__)
        return self._clean_up(failure, clean_up)

    async def _clean_up(self, failure: BaseException | None, clean_up: Callable[[], Hook]) -> None:
        try:
            await _finish(clean_up())
        except Exception:
            log.exception("actor_clean_up_failed", actor=str(self))
        finally:
            self.mailbox.close()
            self._actor_ref._ended(failure)  # noqa: SLF001 (the two are one)
            for stop in self.mailbox.waiting:
                if stop.reply_to is not None:
                    stop.reply_to.set(True)

    def _spawn(self, unfinished: Coroutine[Any, Any, None]) -> None:
        # Kept, because the loop itself holds its tasks weakly.
        self._task = self._loop.create_task(unfinished, context=self._context)


async def _finish(hook: Hook) -> None:
    if hook is not None:
        await hook


def _nothing() -> None:
    """Clean nothing up: the actor never came to life."""
