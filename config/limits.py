"""Read what `SNB_RATE_LIMITS` and `SNB_DAILY_CAPS` change in the tables of the contract."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from config.daily_caps import NO_DAILY_CAPS, USER_TYPES, ChannelCaps, DailyCaps
from config.rate_limits import NO_RATE_LIMITS, RateLimits
from config.reader import Reader, refusal, whole_number

RATE_LIMITS = "RATE_LIMITS"
DAILY_CAPS = "DAILY_CAPS"


def read_rate_limits(reader: Reader) -> RateLimits:
    """Return the rate limits. Raises SettingsError."""
    given = reader.off_or_object(RATE_LIMITS)
    if given is None:
        return NO_RATE_LIMITS
    known = {each.name for each in fields(RateLimits)}
    for name, value in given.items():
        if name not in known:
            raise refusal(RATE_LIMITS, f"there is no limit {name!r}")
        whole_number(RATE_LIMITS, name, value)
    return replace(RateLimits(), **given)


def read_daily_caps(reader: Reader) -> DailyCaps:
    """Return the daily caps. Raises SettingsError."""
    given = reader.off_or_object(DAILY_CAPS)
    if given is None:
        return NO_DAILY_CAPS
    caps = DailyCaps()
    for user_type, changes in given.items():
        if user_type not in USER_TYPES:
            raise refusal(DAILY_CAPS, f"there is no type of user {user_type!r}")
        changed = _changed(getattr(caps, user_type), user_type, changes)
        caps = replace(caps, **{user_type: changed})
    return caps


def _changed(caps: ChannelCaps, user_type: str, changes: Any) -> ChannelCaps:
    if not isinstance(changes, dict):
        raise refusal(DAILY_CAPS, f"{user_type} must be an object of channels and numbers")
    channels = {each.name for each in fields(ChannelCaps)}
    for channel, value in changes.items():
        if channel not in channels:
            raise refusal(DAILY_CAPS, f"{user_type} has no channel {channel!r}")
        if value is not None:
            whole_number(DAILY_CAPS, f"{user_type}.{channel}", value)
    return replace(caps, **changes)
