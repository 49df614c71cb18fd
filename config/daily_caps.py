"""How much a recipient is sent in a day: the table of contract section 5, and `SNB_DAILY_CAPS`."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

from config.reader import Reader, refusal, whole_number

VARIABLE = "DAILY_CAPS"


@dataclass(frozen=True, slots=True)
class ChannelCaps:
    """Notifications of a local day, by channel; None: as many as there are."""

    in_app: int | None = None
    email: int | None = None
    push: int | None = None
    sms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DailyCaps:
    """The caps of each type of user."""

    customer: ChannelCaps = ChannelCaps(50, 10, 5, 2)
    ngo: ChannelCaps = ChannelCaps(100, 20, 10, 5)
    provider: ChannelCaps = ChannelCaps(200, 50, 20, 10)
    admin: ChannelCaps = ChannelCaps(None, 100, 50, 20)

    def of(self, user_type: str | None) -> ChannelCaps:
        """Return the caps of `user_type`; whose type is not known yet is held to a customer's."""
        if user_type is None or user_type not in USER_TYPES:
            return self.customer
        found: ChannelCaps = getattr(self, user_type)
        return found


USER_TYPES = frozenset(each.name for each in fields(DailyCaps))

_NONE = ChannelCaps()
NO_DAILY_CAPS = DailyCaps(**dict.fromkeys(USER_TYPES, _NONE))


def read_daily_caps(reader: Reader) -> DailyCaps:
    """Return the table with what the environment changes. Raises SettingsError."""
    given = reader.off_or_object(VARIABLE)
    if given is None:
        return NO_DAILY_CAPS
    caps = DailyCaps()
    for user_type, changes in given.items():
        if user_type not in USER_TYPES:
            raise refusal(VARIABLE, f"there is no type of user {user_type!r}")
        caps = replace(caps, **{user_type: _changed(getattr(caps, user_type), user_type, changes)})
    return caps


def _changed(caps: ChannelCaps, user_type: str, changes: Any) -> ChannelCaps:
    if not isinstance(changes, dict):
        raise refusal(VARIABLE, f"{user_type} must be an object of channels and numbers")
    channels = {each.name for each in fields(ChannelCaps)}
    for channel, value in changes.items():
        if channel not in channels:
            raise refusal(VARIABLE, f"{user_type} has no channel {channel!r}")
        if value is not None:
            whole_number(VARIABLE, f"{user_type}.{channel}", value)
    return replace(caps, **changes)
