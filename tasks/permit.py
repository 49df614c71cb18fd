"""Whether this worker may still send what it has claimed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class PermitExpired(Exception):
    """Another worker may have taken the delivery over: nothing of it is to be sent."""


class Permit:
    """The right to hand a claimed delivery to a provider, up to a moment of our own clock.

    A worker that was stopped and goes on after others took its work over finds its permits
    expired: the monotonic clock went on without it. Safe to ask from any thread.
    """

    def __init__(self, until_s: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._until_s = until_s
        self._clock = clock

    def check(self) -> None:
        """Raise PermitExpired once the time is over."""
        if self._clock() >= self._until_s:
            raise PermitExpired
