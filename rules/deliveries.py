"""Decide what becomes of a delivery after an attempt to send it (contract section 5).

Pure: time and chance are passed in. An attempt ends in one of four outcomes; what follows depends
on the channel and on how many attempts there were.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from rules.gates import Refusal
from rules.kinds import Channel

SENDING_CHANNELS = (Channel.EMAIL, Channel.PUSH, Channel.SMS)
"""Those on which workers send; each delivery is on one of them."""

MOST_ATTEMPTS = 5

FIRST_RETRY: dict[Channel, timedelta] = {
    Channel.EMAIL: timedelta(seconds=60),
    Channel.PUSH: timedelta(seconds=30),
    Channel.SMS: timedelta(seconds=60),
}

LONGEST_RETRY = timedelta(hours=1)
"""What a provider asks us to wait is heeded up to this; so is the doubling."""

JITTER = 0.25
"""The share of a wait that is added by chance, so that what failed together comes back apart."""

SENT_AGAIN_WHEN_UNCERTAIN = frozenset({Channel.EMAIL, Channel.PUSH})
"""A second mail is a nuisance and a second push replaces the first; a second SMS costs money."""


class DeliveryStatus(StrEnum):
    """Where one channel of one notification stands."""

    QUEUED = "queued"
    DEFERRED = "deferred"
    SENDING = "sending"
    SENT = "sent"
    DELIVERED = "delivered"
    BOUNCED = "bounced"
    COMPLAINED = "complained"
    FAILED = "failed"
    DEAD = "dead"
    SUPPRESSED = "suppressed"


class Reason(StrEnum):
    """Why a delivery stands where it does, beside the refusals of the gates."""

    RETRY = "retry"
    """Deferred: the provider could not take it."""
    QUIET_HOURS = "quiet_hours"
    CAPS_UNKNOWN = "caps_unknown"
    """Deferred: nobody can tell just now how many there were today."""
    NO_LONGER_TRUE = "no_longer_true"
    """Suppressed: what it tells of has passed."""
    SUPPRESSED_ADDRESS = "suppressed_address"
    ADDRESS_GONE = "address_gone"
    """Failed: no such mailbox, number or device any more."""
    OPTED_OUT = "opted_out"
    REJECTED = "rejected"
    """Failed: the provider will not take it, however often it is offered."""
    UNCERTAIN = "uncertain"
    """Failed: nobody knows whether the provider took it, and it may not be sent twice."""
    ATTEMPTS_EXHAUSTED = "attempts_exhausted"


ENDED = frozenset(DeliveryStatus) - {
    DeliveryStatus.QUEUED,
    DeliveryStatus.DEFERRED,
    DeliveryStatus.SENDING,
}
"""Where nobody has to look at a delivery again, unless its provider tells something new."""

RETRIED = frozenset({DeliveryStatus.FAILED, DeliveryStatus.DEAD, DeliveryStatus.BOUNCED})
"""What an operator can have sent again: what was meant to arrive and did not."""


@dataclass(frozen=True, slots=True)
class Sent:
    """The provider has taken it."""

    provider_message_id: str | None = None


@dataclass(frozen=True, slots=True)
class Transient:
    """The provider has not taken it, and may later; `error` says why, without an address in it."""

    error: str
    retry_after: timedelta | None = None
    is_providers: bool = True
    """The provider is in trouble, and takes nobody's; otherwise it is about this recipient."""


@dataclass(frozen=True, slots=True)
class Permanent:
    """The provider will never take it."""

    error: str
    reason: Reason = Reason.REJECTED


@dataclass(frozen=True, slots=True)
class Uncertain:
    """It was handed over and not acknowledged."""

    error: str


Outcome = Sent | Transient | Permanent | Uncertain


@dataclass(frozen=True, slots=True)
class Settled:
    """Where a delivery stands after an attempt; `due_at` is set while it is to be tried again."""

    status: DeliveryStatus
    reason: Reason | Refusal | None = None
    due_at: datetime | None = None

    @property
    def wants_operator(self) -> bool:
        """Tell whether it has ended without having been sent."""
        return self.status in {DeliveryStatus.FAILED, DeliveryStatus.DEAD}


def combine(outcomes: Sequence[Outcome], *, has_sent: bool) -> Outcome:
    """Return how an attempt ended that went to several devices, at least one.

    `has_sent` says that an earlier attempt reached one. The attempt has ended for good only when
    no device is left to try again.
    """
    left = [each for each in outcomes if isinstance(each, Transient | Uncertain)]
    if not left:
        sent = next((each for each in outcomes if isinstance(each, Sent)), None)
        if sent is None and has_sent:
            return Sent()
        return sent or outcomes[-1]
    uncertain = next((each for each in left if isinstance(each, Uncertain)), None)
    if uncertain is not None:
        return uncertain
    asked = [each.retry_after for each in left if isinstance(each, Transient) and each.retry_after]
    return Transient(left[0].error, max(asked, default=None))


def settle(
    channel: Channel, outcome: Outcome, *, attempts: int, at: datetime, chance: float
) -> Settled:
    """Return where the delivery stands after its attempt number `attempts`, which ended at `at`.

    `chance` is from 0 up to 1.
    """
    if isinstance(outcome, Sent):
        return Settled(DeliveryStatus.SENT)
    if isinstance(outcome, Permanent):
        return Settled(DeliveryStatus.FAILED, outcome.reason)
    if isinstance(outcome, Uncertain) and channel not in SENT_AGAIN_WHEN_UNCERTAIN:
        return Settled(DeliveryStatus.FAILED, Reason.UNCERTAIN)
    if attempts >= MOST_ATTEMPTS:
        return Settled(DeliveryStatus.DEAD, Reason.ATTEMPTS_EXHAUSTED)
    asked = outcome.retry_after if isinstance(outcome, Transient) else None
    wait = _wait(channel, attempts, asked)
    return Settled(DeliveryStatus.DEFERRED, Reason.RETRY, at + wait * (1 + JITTER * chance))


def abandoned(channel: Channel, *, attempts: int, is_begun: bool, at: datetime) -> Settled:
    """Return where a delivery stands whose worker is gone, found out at `at`.

    `is_begun` says that the last of its `attempts` may have reached the provider. There is no
    wait: the provider did nothing wrong.
    """
    if is_begun and channel not in SENT_AGAIN_WHEN_UNCERTAIN:
        return Settled(DeliveryStatus.FAILED, Reason.UNCERTAIN)
    if is_begun and attempts >= MOST_ATTEMPTS:
        return Settled(DeliveryStatus.DEAD, Reason.ATTEMPTS_EXHAUSTED)
    return Settled(DeliveryStatus.QUEUED, due_at=at)


def _wait(channel: Channel, attempts: int, asked: timedelta | None) -> timedelta:
    """Return the longer of our own wait, doubled with each attempt, and what was asked of us."""
    doubled = FIRST_RETRY[channel] * int(2 ** (attempts - 1))
    return min(max(doubled, asked or timedelta()), LONGEST_RETRY)
