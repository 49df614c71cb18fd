"""One channel of one worker: its sender, and how much may go through it at once."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Generic, TypeVar

from rules.channel_health import ChannelHealth, Circuit
from rules.deliveries import Outcome, Sent, Transient, Uncertain
from tasks.breaker import Breaker
from tasks.letter import Destination
from tasks.pace import Pace
from tasks.recent_outcomes import RecentOutcomes
from tasks.slots import Slots

if TYPE_CHECKING:
    from config.providers import Provider
    from tasks.channels.sender import Sender

To = TypeVar("To", bound=Destination)


class Outlet(Generic[To]):
    """A sender with its slots, its circuit breaker, its pace, and how it went lately."""

    def __init__(self, sender: Sender[To], provider: Provider) -> None:
        self.sender = sender
        self.pace = Pace(provider.rate)
        self.slots = Slots(provider.concurrency, self.pace)
        self.breaker = Breaker()
        self._outcomes = RecentOutcomes()

    def is_closed(self) -> bool:
        """Tell whether the circuit lets everything through."""
        return self.breaker.state(time.monotonic()) is Circuit.CLOSED

    def rests_for_s(self) -> float:
        """Return the seconds until it is of use to begin something here again."""
        now_s = time.monotonic()
        return max(self.breaker.retry_in(now_s), self.pace.next_in_s(now_s))

    def observe(self, outcome: Outcome) -> None:
        """Take in how one sending ended: a provider that refuses is there, and well."""
        now_s = time.monotonic()
        if isinstance(outcome, Uncertain) or (
            isinstance(outcome, Transient) and outcome.is_providers
        ):
            self.breaker.fail(now_s)
        else:
            self.breaker.succeed()
        self._outcomes.add(is_success=isinstance(outcome, Sent), now_s=now_s)

    def health(self) -> ChannelHealth:
        """Return how the channel is, as far as this worker can tell."""
        now_s = time.monotonic()
        succeeded, failed = self._outcomes.counts(now_s)
        return ChannelHealth(self.breaker.state(now_s), succeeded, failed)
