from __future__ import annotations

import pytest

from config.rate_limits import NO_RATE_LIMITS, RateLimits
from rules.rate_limits import (
    RateLimit,
    RateScope,
    Usage,
    limits_of_anybody,
    limits_of_handshakes,
    limits_of_user,
    standing,
)

TABLE = RateLimits()
HOUR = RateLimit("hour", 1_000, 3_600)

GENERAL = {
    "customer": (RateLimit("minute", 50, 60), HOUR),
    "ngo": (RateLimit("minute", 75, 60), HOUR),
    "provider": (RateLimit("minute", 100, 60), HOUR),
    "admin": (RateLimit("minute", 500, 60),),
    "service": (RateLimit("minute", 6_000, 60),),
}


@pytest.mark.parametrize("user_type", GENERAL)
def test_a_user_has_the_minute_of_the_type_and_the_hour_of_all(user_type: str) -> None:
    assert limits_of_user(TABLE, user_type, RateScope.GENERAL) == GENERAL[user_type]


@pytest.mark.parametrize("user_type", GENERAL)
def test_only_customers_have_a_limit_of_their_own_on_notifications(user_type: str) -> None:
    own = (RateLimit("notifications", 50, 60),) if user_type == "customer" else ()
    found = limits_of_user(TABLE, user_type, RateScope.NOTIFICATIONS)
    assert found == (*GENERAL[user_type], *own)


def test_campaigns_are_few_an_hour() -> None:
    found = limits_of_user(TABLE, "admin", RateScope.CAMPAIGNS)
    assert found == (RateLimit("minute", 500, 60), RateLimit("campaigns", 5, 3_600))


def test_addresses_are_counted_apart_for_requests_and_for_handshakes() -> None:
    assert limits_of_anybody(TABLE) == (RateLimit("anonymous", 100, 3_600),)
    assert limits_of_handshakes(TABLE) == (RateLimit("handshakes", 100, 3_600),)


@pytest.mark.parametrize("scope", RateScope)
@pytest.mark.parametrize("user_type", GENERAL)
def test_off_is_no_limit_at_all(user_type: str, scope: RateScope) -> None:
    assert limits_of_user(NO_RATE_LIMITS, user_type, scope) == ()
    assert limits_of_anybody(NO_RATE_LIMITS) == limits_of_handshakes(NO_RATE_LIMITS) == ()


MINUTE = RateLimit("minute", 50, 60)


@pytest.mark.parametrize(
    ("minute", "hour", "tightest"),
    [
        ((1, 60.0), (1, 3_600.0), (MINUTE, 49, 60)),
        ((2, 10.2), (990, 100.0), (HOUR, 10, 100)),
        ((40, 10.2), (990, 1.0), (MINUTE, 10, 11)),
        ((40, 10.2), (990, 100.0), (HOUR, 10, 100)),
        ((50, 0.2), (900, 100.0), (MINUTE, 0, 1)),
    ],
)
def test_the_tightest_limit_is_that_with_the_fewest_left_and_of_two_the_longer(
    minute: tuple[int, float], hour: tuple[int, float], tightest: tuple[RateLimit, int, int]
) -> None:
    found = standing([Usage(MINUTE, *minute), Usage(HOUR, *hour)], is_admitted=True)
    assert (found.limit, found.remaining, found.resets_in_s) == tightest
    assert found.is_admitted


@pytest.mark.parametrize(
    ("minute", "hour", "tightest"),
    [
        ((50, 10.2), (60, 3_000.0), (MINUTE, 0, 11)),
        ((50, 10.2), (1_000, 3_000.0), (HOUR, 0, 3_000)),
        ((50, 50.0), (1_000, 2.0), (MINUTE, 0, 50)),
        ((50, 0.0), (60, 3_000.0), (MINUTE, 0, 1)),
    ],
)
def test_who_is_refused_is_told_when_none_of_the_limits_refuses_any_more(
    minute: tuple[int, float], hour: tuple[int, float], tightest: tuple[RateLimit, int, int]
) -> None:
    found = standing([Usage(MINUTE, *minute), Usage(HOUR, *hour)], is_admitted=False)
    assert (found.limit, found.remaining, found.resets_in_s) == tightest
    assert not found.is_admitted


def test_a_limit_lowered_meanwhile_leaves_nothing_and_not_less() -> None:
    found = standing([Usage(MINUTE, 70, 10.0)], is_admitted=False)
    assert found.remaining == 0
