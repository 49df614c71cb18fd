"""One channel of one worker: its sender, and how much may go through it at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from tasks.breaker import Breaker
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
