"""Decide for one recipient and one kind what each channel does: now, or not and why.

Pure. The order is the contract's (section 5); the first gate that refuses names the reason, and
every refusal is recorded with it.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from uuid import UUID

from rules.kinds import Channel, Kind
from rules.preferences import Preferences
from rules.recipients import Recipient


class Refusal(StrEnum):
    """Why a channel stays silent."""

    MUTE_ALL = "mute_all"
    MUTED_TYPE = "muted_types"
    MUTED_BUSINESS = "muted_businesses"
    KIND_SWITCHED_OFF = "type_preference"
    CHANNEL_SWITCHED_OFF = "channel_preference"
    NO_ADDRESS = "no_address"


def decide(
    *, kind: Kind, channels: Iterable[Channel], business_id: UUID | None, recipient: Recipient
) -> dict[Channel, Refusal | None]:
    """Return, for each of `channels`, None when it may be used now and else the refusal."""
    everywhere = _refuse_everywhere(kind, business_id, recipient.preferences)
    if everywhere is not None:
        return dict.fromkeys(channels, everywhere)
    return {channel: _refuse_channel(channel, recipient) for channel in channels}


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


def _refuse_channel(channel: Channel, recipient: Recipient) -> Refusal | None:
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
    return None
