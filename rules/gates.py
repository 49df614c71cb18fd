"""Decide for one recipient and one kind what each channel does: now, later, or not and why.

Pure. The gates stand in the contract's order (section 5); the first that does not let through
names the reason, and it is recorded with it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from rules.kinds import Channel, Kind
from rules.preferences import DEFAULTS, Preferences
from rules.quiet_hours import quiet_until
from rules.recipients import Recipient
from rules.timezones import zone_of


class Refusal(StrEnum):
    """Why a channel stays silent."""

    MUTE_ALL = "mute_all"
    MUTED_TYPE = "muted_types"
    MUTED_BUSINESS = "muted_businesses"
    KIND_SWITCHED_OFF = "type_preference"
    CHANNEL_SWITCHED_OFF = "channel_preference"
    NO_ADDRESS = "no_address"
    DAILY_CAP = "daily_cap"


@dataclass(frozen=True, slots=True)
class Now:
    """The channel may be used."""


@dataclass(frozen=True, slots=True)
class Later:
    """The channel may be used, but not before `until`, in UTC."""

    until: datetime
    reason: str = "quiet_hours"


@dataclass(frozen=True, slots=True)
class Refused:
    """The channel stays silent."""

    reason: Refusal


Decision = Now | Later | Refused

NOW = Now()


class Gates:
    """The gates as they stand at one moment for one content, for thousands of recipients.

    Most of these prefer what everybody does, and what they prefer is decided once.
    """

    def __init__(
        self,
        *,
        kind: Kind,
        channels: Iterable[Channel],
        business_id: UUID | None,
        at: datetime,
        is_critical: bool,
    ) -> None:
        self._kind = kind
        self._channels = tuple(channels)
        self._business_id = business_id
        self._at = at
        self._is_critical = is_critical
        self._decided: dict[Any, Mapping[Channel, Decision]] = {}

    def decide(self, recipient: Recipient) -> Mapping[Channel, Decision]:
        """Return what `decide` does, the very same for all who are alike."""
        preferences = recipient.preferences
        alike = (
            # What most have is known without hashing all that it is made of.
            None if preferences is DEFAULTS else preferences,
            recipient.has_email,
            recipient.has_phone,
            recipient.has_device,
        )
        decisions = self._decided.get(alike)
        if decisions is None:
            decisions = self._decided[alike] = decide(
                kind=self._kind,
                channels=self._channels,
                business_id=self._business_id,
                recipient=recipient,
                at=self._at,
                is_critical=self._is_critical,
            )
        return decisions


def decide(
    *,
    kind: Kind,
    channels: Iterable[Channel],
    business_id: UUID | None,
    recipient: Recipient,
    at: datetime,
    is_critical: bool = False,
    over_cap: Collection[Channel] = frozenset(),
) -> dict[Channel, Decision]:
    """Return, for each of `channels`, what it does at `at`.

    `over_cap` are the channels on which the recipient has had the day's worth. What is critical
    asks neither them nor quiet hours; the inbox knows no quiet hours.
    """
    everywhere = _refuse_everywhere(kind, business_id, recipient.preferences)
    if everywhere is not None:
        return dict.fromkeys(channels, Refused(everywhere))
    if is_critical:
        over_cap = ()
    decisions: dict[Channel, Decision] = {}
    for channel in channels:
        refusal = _refuse_channel(channel, recipient, over_cap)
        decisions[channel] = NOW if refusal is None else Refused(refusal)
    if kind.waits_for_quiet_hours and not is_critical:
        _defer(decisions, recipient.preferences, at)
    return decisions


def _refuse_everywhere(
    kind: Kind, business_id: UUID | None, preferences: Preferences
) -> Refusal | None:
    if preferences.mute_all:
        return Refusal.MUTE_ALL
    if kind.name in preferences.muted_types:
        return Refusal.MUTED_TYPE
    if business_id is not None and str(business_id) in preferences.muted_businesses:
        return Refusal.MUTED_BUSINESS
    if kind.preference is not None and not getattr(preferences, kind.preference):
        return Refusal.KIND_SWITCHED_OFF
    return None


def _refuse_channel(
    channel: Channel, recipient: Recipient, over_cap: Collection[Channel]
) -> Refusal | None:
    preferences = recipient.preferences
    is_wanted, is_reachable = {
        Channel.IN_APP: (True, True),
        Channel.EMAIL: (preferences.email_notifications, recipient.has_email),
        Channel.PUSH: (preferences.push_notifications, recipient.has_device),
        Channel.SMS: (preferences.sms_notifications, recipient.has_phone),
    }[channel]
    if not is_wanted:
        return Refusal.CHANNEL_SWITCHED_OFF
    if not is_reachable:
        return Refusal.NO_ADDRESS
    if channel in over_cap:
        return Refusal.DAILY_CAP
    return None


def _defer(decisions: dict[Channel, Decision], preferences: Preferences, at: datetime) -> None:
    """Have what would disturb wait for the end of quiet hours, if `at` is in them."""
    disturbing = [
        channel
        for channel, decision in decisions.items()
        if decision is NOW and channel is not Channel.IN_APP
    ]
    if not disturbing:
        return
    until = quiet_until(preferences.quiet_hours, zone_of(preferences.timezone), at)
    if until is not None:
        decisions.update(dict.fromkeys(disturbing, Later(until)))
