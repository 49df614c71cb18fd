"""How much a recipient is sent in a day: the table of contract section 5."""

from __future__ import annotations

from dataclasses import dataclass, fields


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

NO_DAILY_CAPS = DailyCaps(**dict.fromkeys(USER_TYPES, ChannelCaps()))
