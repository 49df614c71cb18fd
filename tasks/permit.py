"""Whether this worker may still send what it has claimed."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from tasks.ending import Ending

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable


class PermitExpired(Exception):
    """Another worker may have the delivery, or this one stops: nothing of it is to be sent."""


class Permit:
    """The right to hand a claimed delivery to a provider, up to a moment of our own clock.

    A worker that was stopped and goes on after others took its work over finds its permits
    expired: the monotonic clock went on without it. Safe to ask from any thread.
    """

    def __init__(
        self,
        until_s: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        ending: Ending | None = None,
    ) -> None:
        """Take the moment, and what ends the permit before it."""
        self._until_s = until_s
        self._clock = clock
        self._ending = ending or Ending()

    def check(self, *, after_s: float = 0.0) -> None:
        """Raise PermitExpired if the time is over `after_s` from now."""
        if self._clock() + after_s >= self._until_s or self._ending.has_come:
            raise PermitExpired

    @contextlib.asynccontextmanager
    async def lasting(self) -> AsyncIterator[None]:
        """Cancel what waits within as soon as the time is over; raises PermitExpired then."""
        self.check()
        try:
            async with self._ending.cut(after_s=self._until_s - self._clock()):
                yield
        except TimeoutError:
            raise PermitExpired from None
