"""Say which limits a request counts to, and where its caller stands (contract section 2.9).

Pure. A request is admitted when none of its limits is reached, and counts to all of them then;
what is refused counts to none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import ceil
from uuid import UUID

from config.rate_limits import RateLimits

A_MINUTE_S = 60
AN_HOUR_S = 3_600


class RateScope(StrEnum):
    """What is asked for, where that has a limit beside those of all requests."""

    GENERAL = "general"
    NOTIFICATIONS = "notifications"
    CAMPAIGNS = "campaigns"


@dataclass(frozen=True, slots=True)
class RateLimit:
    """At most `most` in any `window_s` seconds."""

    name: str
    """Part of the key under which it is counted."""

    most: int
    window_s: float


@dataclass(frozen=True, slots=True)
class Check:
    """Ask whether `caller` may, and count it when they may, unless only the asking is meant."""

    caller: UUID
    limits: tuple[RateLimit, ...]
    is_counted: bool = True


@dataclass(frozen=True, slots=True)
class Usage:
    """How a window was found, the request included when it was admitted."""

    limit: RateLimit
    used: int
    frees_in_s: float

    @property
    def remaining(self) -> int:
        """How many more may come now."""
        return max(0, self.limit.most - self.used)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a caller stands with the tightest of the limits."""

    is_admitted: bool
    limit: RateLimit
    remaining: int
    resets_in_s: int
    """Until more may come than now, in whole seconds; after a refusal, until it is worth trying."""


def limits_of_user(table: RateLimits, user_type: str, scope: RateScope) -> tuple[RateLimit, ...]:
    """Return what a request of a user counts to."""
    per_minute = {
        "customer": table.customer_per_minute,
        "ngo": table.ngo_per_minute,
        "provider": table.provider_per_minute,
        "admin": table.admin_per_minute,
        "service": table.service_per_minute,
    }[user_type]
    found = [("minute", per_minute, A_MINUTE_S)]
    if user_type not in {"admin", "service"}:
        found.append(("hour", table.user_per_hour, AN_HOUR_S))
    if scope is RateScope.NOTIFICATIONS and user_type == "customer":
        found.append(("notifications", table.customer_notifications_per_minute, A_MINUTE_S))
    if scope is RateScope.CAMPAIGNS:
        found.append(("campaigns", table.campaigns_per_hour, AN_HOUR_S))
    return tuple(
        RateLimit(name, most, window_s) for name, most, window_s in found if most is not None
    )


def limits_of_anybody(table: RateLimits) -> tuple[RateLimit, ...]:
    """Return what a request counts to of which nobody knows whose it is."""
    return _of_address("anonymous", table)


def limits_of_handshakes(table: RateLimits) -> tuple[RateLimit, ...]:
    """Return what a failed authentication of a socket counts to."""
    return _of_address("handshakes", table)


def _of_address(name: str, table: RateLimits) -> tuple[RateLimit, ...]:
    most = table.anonymous_per_hour
    return () if most is None else (RateLimit(name, most, AN_HOUR_S),)


def standing(usages: Sequence[Usage], *, is_admitted: bool) -> Standing:
    """Return where the caller stands; of a refusal, by the limit that lasts longest."""
    if is_admitted:
        tightest = min(usages, key=lambda usage: (usage.remaining, -usage.frees_in_s))
    else:
        reached = [usage for usage in usages if not usage.remaining]
        tightest = max(reached, key=lambda usage: usage.frees_in_s)
    return Standing(
        is_admitted=is_admitted,
        limit=tightest.limit,
        remaining=tightest.remaining,
        resets_in_s=max(ceil(tightest.frees_in_s), 0 if is_admitted else 1),
    )
