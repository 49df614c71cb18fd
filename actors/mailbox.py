"""What waits for an actor on the loop, in order and bounded."""

from __future__ import annotations

from collections import deque
from threading import get_ident
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable


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
