"""The reply to a message, for askers on the loop."""

from __future__ import annotations

import asyncio
from sys import exc_info as current_exc_info
from typing import TYPE_CHECKING, Any, TypeVar, cast

import pykka

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from types import TracebackType

    ExcInfo = tuple[type[BaseException] | None, BaseException | None, TracebackType | None]
    GetHook = Callable[[float | None], Any]

T = TypeVar("T")


class WouldBlock(Exception):
    """A blocking call of pykka's was made, which on the loop would wait for ever."""


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

    def get(self, *, timeout: float | None = None) -> T:
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

    def set_get_hook(self, func: GetHook) -> None:
        """Refuse: pykka's `map`, `filter`, `join` and `reduce` block on the reply."""
        raise WouldBlock("await the reply and work on that")

    def abandon(self, error: BaseException | None = None) -> None:
        """Drop the reply from now on, because the asker has gone; `error` wakes who awaits."""
        if not self.is_settled:
            self._settle(None, error)
        self.is_abandoned = True

    async def within(self, deadline_s: float) -> T:
        """Await the reply for so long; raises TimeoutError, and after that nobody sees it.

        For a single asker, and a sixth of the price of `asyncio.timeout`.
        """
        late = asyncio.get_running_loop().call_later(deadline_s, self.abandon, TimeoutError())
        try:
            return await self
        finally:
            late.cancel()

    def when_settled(self, callback: Callable[[LoopFuture[T]], object]) -> None:
        """Call `callback` from the loop once the reply is there, for an asker that has no task."""
        waiter = asyncio.get_running_loop().create_future()
        waiter.add_done_callback(lambda _: callback(self))
        if self.is_settled:
            waiter.set_result(None)
        else:
            self._waiters.append(waiter)

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
