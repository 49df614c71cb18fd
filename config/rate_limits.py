"""How often callers may ask: the table of contract section 2.9."""

from __future__ import annotations

from dataclasses import dataclass, fields


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
