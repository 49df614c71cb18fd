"""How often callers may ask: the table of contract section 2.9, and `SNB_RATE_LIMITS`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from config.reader import Reader, refusal, whole_number

VARIABLE = "RATE_LIMITS"


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimits:
    """Requests in a window; None: no limit."""

    anonymous_per_hour: int | None = 100
    """Of one IP address."""

    user_per_hour: int | None = 1_000
    """Of one user, beside the minute rate of the type; admins and services have that alone."""

    customer_per_minute: int | None = 50
    ngo_per_minute: int | None = 75
    provider_per_minute: int | None = 100
    admin_per_minute: int | None = 500
    service_per_minute: int | None = 6_000

    customer_notifications_per_minute: int | None = 50
    """To `/api/notifications/`; others have their minute rate there."""

    campaigns_per_hour: int | None = 5
    """Campaigns that one admin may create."""

    websocket_messages_per_minute: int | None = 60
    """Of one connection."""


NO_RATE_LIMITS = RateLimits(**{each.name: None for each in fields(RateLimits)})


def read_rate_limits(reader: Reader) -> RateLimits:
    """Return the table with what the environment changes. Raises SettingsError."""
    given = reader.off_or_object(VARIABLE)
    return NO_RATE_LIMITS if given is None else _changed(given)


def _changed(given: Mapping[str, Any]) -> RateLimits:
    known = {each.name for each in fields(RateLimits)}
    for name, value in given.items():
        if name not in known:
            raise refusal(VARIABLE, f"there is no limit {name!r}")
        whole_number(VARIABLE, name, value)
    return replace(RateLimits(), **given)
