"""Decide what a provider's word on a message changes about its delivery (contract section 5).

Providers repeat themselves, and tell things in any order: sometimes before the worker has written
that it has sent. So a delivery stands at the highest of what was told of its message, whichever
came first, and a message is told by its id from those of other attempts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from rules.deliveries import DeliveryStatus, Reason


class FeedbackEvent(StrEnum):
    """What providers tell of a message once they have it."""

    SENT = "sent"
    """It is on its way: the proof that the provider has taken it."""
    DELAYED = "delayed"
    SOFT_BOUNCED = "soft_bounced"
    """Not delivered for a reason that may pass: a full mailbox."""
    DELIVERED = "delivered"
    FAILED = "failed"
    """Not delivered, and will not be."""
    BOUNCED = "bounced"
    """There is no such mailbox."""
    COMPLAINED = "complained"
    """Delivered, and called spam."""


STANDS_AT = {
    FeedbackEvent.SENT: DeliveryStatus.SENT,
    FeedbackEvent.DELIVERED: DeliveryStatus.DELIVERED,
    FeedbackEvent.FAILED: DeliveryStatus.FAILED,
    FeedbackEvent.BOUNCED: DeliveryStatus.BOUNCED,
    FeedbackEvent.COMPLAINED: DeliveryStatus.COMPLAINED,
}
"""Where a delivery stands after that; what is not here is only recorded. Each outranks those before
it: a mailbox may take a mail and send it back later, and its owner complain after that."""

RANKS = {status: rank for rank, status in enumerate(STANDS_AT.values())}

CLOCKS_DIFFER = timedelta(seconds=30)
"""A provider's time of a message may be before ours of the attempt; attempts that follow on one
another by themselves are at least this far apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """One thing that a provider tells of one message; no text in it holds an address."""

    event: FeedbackEvent
    provider_message_id: str
    at: datetime
    """When it happened, as far as the provider says so."""

    handed_over_at: datetime | None = None
    """When the provider took the message, if it says so."""

    reason: Reason | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownAttempt:
    """An attempt as it is written down."""

    at: datetime
    has_ended: bool = True
    is_uncertain: bool = False
    provider_message_id: str | None = None

    @property
    def may_be_unnamed(self) -> bool:
        """Tell whether the provider may have taken it under an id that we were not told."""
        return self.provider_message_id is None and (self.is_uncertain or not self.has_ended)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A delivery as it stands."""

    status: DeliveryStatus
    attempts: Sequence[KnownAttempt]
    forgiven: int = 0
    """How many of the attempts were before an operator had it sent anew."""

    provider_message_id: str | None = None
    """Of the message that was last known to be sent."""


def attempt_of(feedback: Feedback, standing: Standing) -> int | None:
    """Return the place of the attempt that `feedback` tells of, None if it is of none.

    An id that nobody knows is that of the last attempt whose own is not known, and that had begun
    when the provider took the message.
    """
    unnamed = None
    for place, attempt in enumerate(standing.attempts):
        if attempt.provider_message_id == feedback.provider_message_id:
            return place
        if attempt.may_be_unnamed and _had_begun(attempt, feedback.handed_over_at):
            unnamed = place
    return unnamed


def settled_by(feedback: Feedback, place: int, standing: Standing) -> DeliveryStatus | None:
    """Return where the delivery stands after `feedback` on its attempt at `place`.

    None when it stays as it is. An attempt before an operator's retry settles nothing, nor does any
    beside the one that is known to have been sent, or while a later one is with the provider. Else
    whatever was to follow is not needed any more: the message did leave.
    """
    status = STANDS_AT.get(feedback.event)
    if status is None or place < standing.forgiven:
        return None
    sent = _place_sent(standing)
    if sent is not None:
        is_higher = RANKS[status] > RANKS.get(standing.status, -1)
        return status if place == sent and is_higher else None
    last = len(standing.attempts) - 1
    if place != last and not standing.attempts[last].has_ended:
        return None
    return status


def _had_begun(attempt: KnownAttempt, handed_over_at: datetime | None) -> bool:
    return handed_over_at is None or attempt.at <= handed_over_at + CLOCKS_DIFFER


def _place_sent(standing: Standing) -> int | None:
    """Return the place of the attempt, since the last retry, that is known to have been sent."""
    if standing.provider_message_id is None:
        return None
    for place in range(standing.forgiven, len(standing.attempts)):
        if standing.attempts[place].provider_message_id == standing.provider_message_id:
            return place
    return None
