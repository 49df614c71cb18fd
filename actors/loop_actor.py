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
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Callable, Coroutine, Sequence
from contextvars import Context
from functools import partial
from time import monotonic
from types import CoroutineType, TracebackType
from typing import Any, ClassVar, Generic, NoReturn, Self, TypeAlias, TypeVar, cast

import pykka
import structlog
from pykka._envelope import Envelope
from pykka.messages import _ActorStop

from actors.mailbox import (
    Asked,
    DeadlineExceeded,
    LoopFuture,
    Mailbox,
    MailboxFull,
    Unanswered,
    UnknownMessage,
    WouldBlock,
    WrongThread,
)

__all__ = [
    "Asked",
    "BatchActor",
    "DeadlineExceeded",
    "LoopActor",
    "LoopActorRef",
    "LoopFuture",
    "MailboxFull",
    "Unanswered",
    "UnknownMessage",
    "WouldBlock",
    "WrongThread",
]

M = TypeVar("M")
A = TypeVar("A", bound="LoopActor")

Hook: TypeAlias = Coroutine[Any, Any, None] | None
StoppedCallback: TypeAlias = Callable[["LoopActorRef[Any]", BaseException | None], object]

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class LoopActorRef(pykka.ActorRef[A]):
    """Reach an actor on the loop."""

    def __init__(self, actor: A) -> None:
        super().__init__(actor)
        self._mailbox = actor.mailbox
        self._failure: BaseException | None = None
        self._stopped_callbacks: list[StoppedCallback] = []

    def tell(self, message: Any) -> None:
        """Put a message in; raises `pykka.ActorDeadError` or `MailboxFull`."""
        if self.actor_stopped.is_set():
            raise _dead(self)
        self._mailbox.put(Envelope(message))

    async def request(self, message: Any, *, deadline_s: float) -> Any:
        """Put a message in and wait for the reply, or raise what the handler raised.

        Raises `DeadlineExceeded` when it takes longer, `pykka.ActorDeadError` when the actor is
        dead or dies before it has handled the message, and `MailboxFull`.
        """
        if self.actor_stopped.is_set():
            raise _dead(self)
        return await self._request(message, deadline_s)

    async def stop_and_wait(self, *, deadline_s: float) -> bool:
        """Stop the actor behind the messages that wait, and wait until it has ended.

        False when it had ended before. Raises `DeadlineExceeded`; it stops all the same.
        """
        if self._mailbox.is_closed:
            return False
        return bool(await self._request(_ActorStop(), deadline_s))

    def when_stopped(self, callback: StoppedCallback) -> None:
        """Call `callback(ref, failure)` from the loop once the actor has ended.

        `failure` is None for an actor that was asked to stop.
        """
        if self._mailbox.is_closed:
            asyncio.get_running_loop().call_soon(callback, self, self._failure)
        else:
            self._stopped_callbacks.append(callback)

    def ask(
        self,
        message: Any,
        *,
        block: bool = True,
        timeout: float | None = None,  # noqa: ARG002 (pykka's signature)
    ) -> Any:
        """Put a message in and return the `LoopFuture` of its reply; only with `block=False`."""
        if block:
            raise WouldBlock("await ref.request(message, deadline_s=...) instead")
        future: LoopFuture[Any] = LoopFuture()
        if self.actor_stopped.is_set():
            future.set_exception((pykka.ActorDeadError, _dead(self), None))
        else:
            self._mailbox.put(Envelope(message, future))
        return future

    def stop(
        self,
        *,
        block: bool = True,
        timeout: float | None = None,  # noqa: ARG002 (pykka's signature)
    ) -> Any:
        """Ask the actor to stop and return a `LoopFuture` of `bool`; only with `block=False`."""
        if block:
            raise WouldBlock("await ref.stop_and_wait(deadline_s=...) instead")
        future: LoopFuture[bool] = LoopFuture()
        if self.actor_stopped.is_set():
            future.set(False)
        else:
            self._mailbox.put(Envelope(_ActorStop(), future))
        return future

    def proxy(self) -> NoReturn:
        """Refuse: reading through one of pykka's proxies blocks."""
        raise WouldBlock("an actor on the loop has no proxy: send a message")

    async def _request(self, message: Any, deadline_s: float) -> Any:
        future: LoopFuture[Any] = LoopFuture()
        self._mailbox.put(Envelope(message, future))
        timer = asyncio.get_running_loop().call_later(
            deadline_s, self._expire, future, type(message).__name__, deadline_s
        )
        try:
            return await future
        finally:
            timer.cancel()
            future.abandon()

    def _expire(self, future: LoopFuture[Any], message_type: str, deadline_s: float) -> None:
        future.abandon(DeadlineExceeded(str(self), message_type, deadline_s))

    def _ended(self, failure: BaseException | None) -> None:
        self._failure = failure
        for callback in self._stopped_callbacks:
            asyncio.get_running_loop().call_soon(callback, self, failure)
        self._stopped_callbacks.clear()


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
        super().__init__()
        self.mailbox = cast("Mailbox[Envelope[Any]]", self.actor_inbox)
        self.mailbox.owner = str(self)
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

    async def _finish_then_drain(self, unfinished: Coroutine[Any, Any, None]) -> None:
        await unfinished
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


class BatchActor(LoopActor, Generic[M]):
    """Be an actor that handles all waiting messages at once, with one round trip for them.

    Messages that arrive while a batch is being handled wait for the next one.
    """

    batch_limit: ClassVar[int] = 500
    """Messages in one batch: what one round trip of the stores takes within about 50 ms."""

    @abstractmethod
    async def on_receive_many(self, messages: Sequence[Asked[M]]) -> None:
        """Handle the messages, oldest first, and answer each that was asked.

        An error raised here goes to all that have no answer yet; the actor lives on, unless a
        message that was told and not settled is among them. An asked message still without an
        answer on return gets `Unanswered`.
        """

    def _handle_next(self) -> Coroutine[Any, Any, None] | None:
        waiting = self.mailbox.waiting
        batch: list[Envelope[Any]] = []
        while (
            waiting and len(batch) < self.batch_limit and type(waiting[0].message) is not _ActorStop
        ):
            batch.append(waiting.popleft())
        return self._handle_batch(batch) if batch else super()._handle_next()

    async def _handle_batch(self, batch: list[Envelope[Any]]) -> None:
        messages: list[Asked[M]] = [Asked(each.message, each.reply_to) for each in batch]
        failure: Exception | None = None
        try:
            await self.on_receive_many(messages)
        except Exception as error:  # noqa: BLE001 (it goes to the askers or into the log)
            failure = error
        except BaseException as error:
            unsettled = (
                envelope
                for envelope, asked in zip(batch, messages, strict=True)
                if not asked.is_settled
            )
            await self._end(error, *unsettled)
            raise
        is_fatal = False
        for asked in messages:
            if not asked.is_settled and (asked.is_asked or failure is not None):
                is_fatal = is_fatal or not asked.is_asked
                asked.fail(failure or Unanswered(str(self), type(asked.message).__name__))
            self._log_failure(asked)
        if is_fatal:
            await self._end(failure)


async def _finish(hook: Hook) -> None:
    if hook is not None:
        await hook


def _nothing() -> None:
    """Clean nothing up: the actor never came to life."""


def _dead(ref: LoopActorRef[Any]) -> pykka.ActorDeadError:
    return pykka.ActorDeadError(f"{ref} not found")
