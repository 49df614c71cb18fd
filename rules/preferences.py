"""What a user wants to be told, and how (contract section 2.2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Preferences:
    """The preferences that gates ask. A key that was never set has its default."""

    email_notifications: bool = True
    push_notifications: bool = True
    sms_notifications: bool = True
    new_listing_notifications: bool = True
    promotional_notifications: bool = False
    weekly_digest: bool = True
    mute_all: bool = False
    muted_types: frozenset[str] = field(default_factory=frozenset)
    muted_businesses: frozenset[str] = field(default_factory=frozenset)
    """Business ids in their string form, as clients write them."""

    @classmethod
    def from_stored(cls, stored: Mapping[str, Any]) -> Preferences:
        """Build from what is stored of a user: `{key: value}`, only of what was ever set."""
        known: dict[str, Any] = {name: stored[name] for name in _SWITCHES if name in stored}
        for name in ("muted_types", "muted_businesses"):
            if name in stored:
                known[name] = frozenset(stored[name])
        return cls(**known) if known else DEFAULTS


_SWITCHES = (
    "email_notifications",
    "push_notifications",
    "sms_notifications",
    "new_listing_notifications",
    "promotional_notifications",
    "weekly_digest",
    "mute_all",
)

DEFAULTS = Preferences()
