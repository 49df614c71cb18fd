"""Take in what a provider has told: addresses first, then the delivery; durable when it returns.

A kill in between, or a store that is away, leaves the provider without an answer, and it tells all
of it again.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

import structlog

from actors.tally import Tally
from rules.feedback import Feedback
from storage.delivery_feedback import Addressed, DeliveryFeedback, Taken
from storage.positions import PositionClock
from storage.reachability import Reachability

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What one message of a provider says of one delivery."""

    about: Addressed
    feedback: Feedback
    lost: Collection[str] = ()
    """Addresses that nothing may be sent to any more."""

    lost_by: str | None = None
    """Why not."""


class FeedbackIntake:
    """Writes it, and counts what became of it."""

    def __init__(
        self,
        deliveries: DeliveryFeedback,
        reachability: Reachability,
        clock: PositionClock,
        tally: Tally,
    ) -> None:
        self._deliveries = deliveries
        self._reachability = reachability
        self._clock = clock
        self._tally = tally

    async def take_in(self, provider: str, told: Told) -> Taken:
        """Write it. Raises StoreUnavailable, FeedbackContended; then it is to be told again."""
        about = told.about
        if about.recipient_id is None:
            found = await self._deliveries.recipient_of(about, told.feedback)
            about = replace(about, recipient_id=found)
        for address in told.lost:
            await self._reachability.lose(
                about.channel,
                address,
                reason=told.lost_by or told.feedback.event,
                user_id=about.recipient_id,
                at=self._clock.store_now(),
            )
        taken = Taken.UNMATCHED
        if about.recipient_id is not None:
            taken = await self._deliveries.take_in(about, told.feedback, at=self._clock.store_now())
        self.count(provider, taken)
        log.info(
            "feedback_taken_in",
            provider=provider,
            event_told=told.feedback.event,
            outcome=taken,
            notification_id=str(about.notification_id),
            provider_message_id=told.feedback.provider_message_id,
            addresses_lost=len(told.lost),
        )
        return taken

    async def lose(self, channel: str, address: str, *, reason: str) -> None:
        """Send nothing more to whoever has asked for that at `address`."""
        at = self._clock.store_now()
        await self._reachability.lose(channel, address, reason=reason, user_id=None, at=at)

    async def regain(self, channel: str, address: str) -> None:
        """Send to `address` again: whoever has it wants that."""
        await self._reachability.regain(channel, address)

    def count(self, provider: str, outcome: str) -> None:
        """Count a message of `provider`."""
        self._tally.provider_feedback[provider, outcome] += 1
