"""One channel of one worker: its sender, and how much may go through it at once."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Generic, TypeVar

from tasks.breaker import Breaker
from tasks.letter import Destination
from tasks.slots import Slots

if TYPE_CHECKING:
    from config.providers import Provider
    from tasks.channels.sender import Sender

To = TypeVar("To", bound=Destination)


class Outlet(Generic[To]):
    """A sender with its slots, its circuit breaker and its pace."""

    def __init__(self, sender: Sender[To], provider: Provider) -> None:
        self.sender = sender
        self.slots = Slots(provider.concurrency)
        self.breaker = Breaker()
        self._rate = provider.rate
        self._next_at_s = 0.0

    async def keep_pace(self, deliveries: int) -> None:
        """Wait until `deliveries` more may begin without more than the rate a second."""
        if self._rate is None:
            return
        now_s = time.monotonic()
        begin_s = max(now_s, self._next_at_s)
        self._next_at_s = begin_s + deliveries / self._rate
        if begin_s > now_s:
            await asyncio.sleep(begin_s - now_s)
