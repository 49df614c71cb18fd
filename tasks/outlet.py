"""One channel of one worker: its sender, and how much may go through it at once."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Generic, TypeVar

from tasks.breaker import Breaker, Circuit
from tasks.letter import Destination
from tasks.pace import Pace
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
        self.pace = Pace(provider.rate)

    def is_closed(self) -> bool:
        """Tell whether the circuit lets everything through."""
        return self.breaker.state(time.monotonic()) is Circuit.CLOSED

    def rests_for_s(self) -> float:
        """Return the seconds until it is of use to begin something here again."""
        now_s = time.monotonic()
        return max(self.breaker.retry_in(now_s), self.pace.next_in_s(now_s))
