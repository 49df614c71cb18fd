"""The table of notification kinds: which channels each may use (contract section 5)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Channel(StrEnum):
    """A way to reach somebody."""

    IN_APP = "in_app"
    EMAIL = "email"
    PUSH = "push"
    SMS = "sms"


@dataclass(frozen=True, slots=True)
class Kind:
    """A row of the table: a type of notification."""

    name: str
    channels: tuple[Channel, ...]
    preference: str | None = None
    """The preference that switches the whole kind, or None when it cannot be switched alone."""

    waits_for_quiet_hours: bool = True


_IN_APP, _EMAIL, _PUSH, _SMS = Channel.IN_APP, Channel.EMAIL, Channel.PUSH, Channel.SMS

KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("new_listing", (_IN_APP, _EMAIL, _PUSH), "new_listing_notifications"),
        Kind("listing_expiring", (_IN_APP, _PUSH)),
        Kind("pickup_reminder", (_IN_APP, _EMAIL, _PUSH, _SMS)),
        Kind("pickup_missed", (_IN_APP, _PUSH)),
        Kind("interaction_confirmed", (_IN_APP, _PUSH)),
        Kind("interaction_completed", (_IN_APP,)),
        Kind("review_received", (_IN_APP, _EMAIL)),
        Kind("business_update", (_IN_APP,)),
        Kind("system_announcement", (_IN_APP, _EMAIL)),
        Kind("promotional", (_IN_APP, _EMAIL, _PUSH), "promotional_notifications"),
        Kind("welcome", (_EMAIL,), waits_for_quiet_hours=False),
        Kind("verification_status", (_IN_APP, _EMAIL)),
        Kind("weekly_digest", (_EMAIL,), "weekly_digest"),
    )
}
