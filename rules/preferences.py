"""What a user wants to be told, and how (contract section 2.2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time
from typing import Any

from rules.quiet_hours import DEFAULT_QUIET_HOURS, QuietHours
from rules.timezones import DEFAULT_TIMEZONE

DEFAULT_LOCALE = "en"

MOST_MUTED_BUSINESSES = 100
"""As many as one may follow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preferences:
    """The preferences of one user. A key that was never set has its default."""

    email_notifications: bool = True
    new_listing_notifications: bool = True
    promotional_notifications: bool = False
    weekly_digest: bool = True
    push_notifications: bool = True
    sms_notifications: bool = True
    mute_all: bool = False
    muted_types: tuple[str, ...] = ()
    muted_businesses: tuple[str, ...] = ()
    """Business ids in their string form, at most `MOST_MUTED_BUSINESSES`."""

    quiet_hours: QuietHours = DEFAULT_QUIET_HOURS
    timezone: str = DEFAULT_TIMEZONE
    locale: str = DEFAULT_LOCALE

    @classmethod
    def from_stored(
        cls, stored: Mapping[str, Any], *, timezone: str | None = None, locale: str | None = None
    ) -> Preferences:
        """Build from what is stored of a user: `{key: value}`, only of what was ever set.

        `timezone` and `locale` are those of the user's profile; what was set here wins.
        """
        # Most have set nothing, and a fan-out reads thousands of them.
        if not stored and timezone in _USUAL_TIMEZONES and locale in _USUAL_LOCALES:
            return DEFAULTS
        known: dict[str, Any] = {name: stored[name] for name in _SWITCHES if name in stored}
        for name in ("muted_types", "muted_businesses"):
            if name in stored:
                known[name] = tuple(stored[name])
        if "quiet_hours" in stored:
            known["quiet_hours"] = _quiet_hours(stored["quiet_hours"])
        for name, of_profile in (("timezone", timezone), ("locale", locale)):
            value = stored.get(name, of_profile)
            if value is not None and value != getattr(DEFAULTS, name):
                known[name] = value
        return cls(**known) if known else DEFAULTS


_SWITCHES = (
    "email_notifications",
    "new_listing_notifications",
    "promotional_notifications",
    "weekly_digest",
    "push_notifications",
    "sms_notifications",
    "mute_all",
)

DEFAULTS = Preferences()

_USUAL_TIMEZONES = (None, DEFAULT_TIMEZONE)
_USUAL_LOCALES = (None, DEFAULT_LOCALE)


def _quiet_hours(stored: Mapping[str, Any]) -> QuietHours:
    """Build from `{"enabled"?: bool, "start"?: "HH:MM", "end"?: "HH:MM"}`."""
    known: dict[str, Any] = {
        name: time.fromisoformat(stored[name]) for name in ("start", "end") if name in stored
    }
    if "enabled" in stored:
        known["is_enabled"] = stored["enabled"]
    return QuietHours(**known)
