"""What goes into an actor on the loop and what comes back: mailbox, reply and errors."""

from __future__ import annotations

import asyncio
from collections import deque
from sys import exc_info as current_exc_info
from threading import get_ident
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar, cast

import pykka

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from types import TracebackType

    ExcInfo = tuple[type[BaseException] | None, BaseException | None, TracebackType | None]
    GetHook = Callable[[float | None], Any]

T = TypeVar("T")
M = TypeVar("M")


class MailboxFull(Exception):
    """The actor is behind by as many messages as its mailbox holds; nothing was put in."""

    def __init__(self, actor: str, limit: int) -> None:
        super().__init__(f"{actor} has {limit} messages waiting")
        self.actor = actor
        self.limit = limit


class WrongThread(Exception):
    """A message was put in from a thread other than that of the actor's loop."""

    def __init__(self, actor: str) -> None:
        super().__init__(f"{actor} takes messages on the thread of its loop only")
        self.actor = actor


class WouldBlock(Exception):
    """A blocking call of pykka's was made, which on the loop would wait for ever."""


class DeadlineExceeded(Exception):
    """No reply came in time; the actor may still handle the message, the reply is dropped."""

    def __init__(self, actor: str, message_type: str, deadline_s: float) -> None:
        super().__init__(f"{actor} did not answer {message_type} within {deadline_s} s")
        self.actor = actor
        self.message_type = message_type
        self.deadline_s = deadline_s


class Unanswered(Exception):
    """The batch with this message was handled, and the message got no answer."""

    def __init__(self, actor: str, message_type: str) -> None:
        super().__init__(f"{actor} left {message_type} unanswered")
        self.actor = actor
        self.message_type = message_type


class UnknownMessage(Exception):
    """The actor has no handler for messages of this type."""

    def __init__(self, actor: str, message_type: str) -> None:
        super().__init__(f"{actor} does not handle {message_type}")
        self.actor = actor
        self.message_type = message_type


class _Envelope(Protocol):
    message: Any


E = TypeVar("E", bound=_Envelope)


class Mailbox(Generic[E]):
    """Keep envelopes in order and wake the actor for the first of them only.

    While it is at work the actor leaves `is_idle` False and looks into `waiting` itself.
    """

    __slots__ = (
        "_always_admitted",
        "_limit",
        "_thread_id",
        "_wake",
        "is_closed",
        "is_idle",
        "owner",
        "waiting",
    )

    def __init__(self, *, owner: str, limit: int, always_admitted: type[object]) -> None:
        self.owner = owner
        self.waiting: deque[E] = deque()
        self.is_idle = False
        self.is_closed = False
        self._limit = limit
        self._always_admitted = always_admitted
        self._thread_id = get_ident()
        self._wake: Callable[[], object] = _sleep_on

    def open(self, wake: Callable[[], object]) -> None:
        """Call `wake` from now on when a message arrives in the idle mailbox, or waits already."""
        self._wake = wake
        if self.waiting:
            wake()
        else:
            self.is_idle = True

    def put(self, envelope: E) -> None:
        """Append; raises `MailboxFull` at the limit and `WrongThread` off the loop's thread."""
        if get_ident() != self._thread_id:
            raise WrongThread(self.owner)
        waiting = self.waiting
        if len(waiting) >= self._limit and not isinstance(envelope.message, self._always_admitted):
            raise MailboxFull(self.owner, self._limit)
        waiting.append(envelope)
        if self.is_idle:
            self.is_idle = False
            self._wake()

    def get(self) -> E:
        """Take the oldest; raises `IndexError` when nothing waits, for it never blocks."""
        return self.waiting.popleft()

    def empty(self) -> bool:
        """Say whether nothing waits."""
        return not self.waiting

    def close(self) -> None:
        """Let go of the actor, so that it is freed without the garbage collector."""
        self._wake = _sleep_on
        self.is_idle = False
        self.is_closed = True


def _sleep_on() -> None:
    """Wake nobody."""


class LoopFuture(pykka.Future[T]):
    """Hold the reply to a message: await it, or `get` it once it is there.

    Each `await` waits on an asyncio future of its own that never carries the error: an awaiter
    that is cancelled takes nothing from another, and an error nobody looks at warns of nothing.
    """

    def __init__(self) -> None:
        super().__init__()
        self._value: T | None = None
        self._error: BaseException | None = None
        self._traceback: TracebackType | None = None
        self._waiters: list[asyncio.Future[None]] = []
        self.is_settled = False
        self.is_abandoned = False

    def get(self, *, timeout: float | None = None) -> T:  # noqa: ARG002 (pykka's signature)
        """Return the reply or raise its error; raises `WouldBlock` while there is none."""
        if not self.is_settled:
            raise WouldBlock("no reply yet: await it instead")
        if self._error is not None:
            # One error may answer a whole batch: without its first traceback each asker that
            # raises it would add frames to it.
            raise self._error.with_traceback(self._traceback)
        return cast("T", self._value)

    def set(self, value: T | None = None) -> None:
        """Give the reply, which nobody sees once the asker has gone."""
        self._settle(value, None)

    def set_exception(self, exc_info: ExcInfo | None = None) -> None:
        """Give an error as the reply, by default the one being handled."""
        self._settle(None, (exc_info or current_exc_info())[1])

    def set_get_hook(self, func: GetHook) -> None:  # noqa: ARG002 (pykka's signature)
        """Refuse: pykka's `map`, `filter`, `join` and `reduce` block on the reply."""
        raise WouldBlock("await the reply and work on that")

    def abandon(self, error: BaseException | None = None) -> None:
        """Drop the reply from now on, because the asker has gone; `error` wakes who awaits."""
        if not self.is_settled:
            self._settle(None, error)
        self.is_abandoned = True

    def _settle(self, value: T | None, error: BaseException | None) -> None:
        if self.is_abandoned:
            return
        if self.is_settled:
            raise asyncio.InvalidStateError("the message has been answered")
        self.is_settled = True
        self._value = value
        if error is not None:
            self._error, self._traceback = error, error.__traceback__
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)

    def __await__(self) -> Generator[Any, None, T]:
        if not self.is_settled:
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            yield from waiter
        return self.get()

    __iter__ = __await__


class Asked(Generic[M]):
    """One message of a batch, to be answered by `reply` or `fail`, once.

    A message that was told (`is_asked` False) needs neither; `fail` has it logged.
    """

    __slots__ = ("_reply_to", "failure", "is_settled", "message")

    def __init__(self, message: M, reply_to: pykka.Future[Any] | None) -> None:
        self.message = message
        self.is_settled = False
        self.failure: Exception | None = None
        self._reply_to = reply_to

    @property
    def is_asked(self) -> bool:
        """Whether somebody was to get a reply."""
        return self._reply_to is not None

    @property
    def is_abandoned(self) -> bool:
        """Whether whoever asked has given up, so that the work may be left undone."""
        return isinstance(self._reply_to, LoopFuture) and self._reply_to.is_abandoned

    def reply(self, value: Any = None) -> None:
        """Answer the message; raises `asyncio.InvalidStateError` when it has been answered."""
        self._settle()
        if self._reply_to is not None:
            self._reply_to.set(value)

    def fail(self, error: Exception) -> None:
        """Answer with an error; raises `asyncio.InvalidStateError` when it has been answered."""
        self._settle()
        self.failure = error
        if self._reply_to is not None:
            self._reply_to.set_exception((type(error), error, error.__traceback__))

    def _settle(self) -> None:
        if self.is_settled:
            raise asyncio.InvalidStateError("the message has been answered")
        self.is_settled = True
