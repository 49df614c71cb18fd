"""The reference by which others reach an actor on the loop.

With `actors/loop_actor.py` and `actors/batch_actor.py` the only user of pykka's privates: it makes
the envelopes that the actors open.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias, TypeVar

import pykka
from pykka._envelope import Envelope
from pykka.messages import _ActorStop

from actors.loop_future import LoopFuture, WouldBlock

if TYPE_CHECKING:
    from actors.loop_actor import LoopActor

A = TypeVar("A", bound="LoopActor")

StoppedCallback: TypeAlias = Callable[["LoopActorRef[Any]", BaseException | None], object]


class DeadlineExceeded(Exception):
    """No reply came in time; the actor may still handle the message, the reply is dropped."""

    def __init__(self, actor: str, message_type: str, deadline_s: float) -> None:
        super().__init__(f"{actor} did not answer {message_type} within {deadline_s} s")
        self.actor = actor
        self.message_type = message_type
        self.deadline_s = deadline_s


class LoopActorRef(pykka.ActorRef[A]):
    """Reach an actor on the loop."""

    def __init__(self, actor: A) -> None:
        super().__init__(actor)
        self._mailbox = actor.mailbox
        self._failure: BaseException | None = None
        self._stopped_callbacks: list[StoppedCallback] = []

    @property
    def waiting(self) -> int:
        """How many messages wait for the actor."""
        return len(self._mailbox.waiting)

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
        timeout: float | None = None,
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
        timeout: float | None = None,
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


def _dead(ref: LoopActorRef[Any]) -> pykka.ActorDeadError:
    return pykka.ActorDeadError(f"{ref} not found")
