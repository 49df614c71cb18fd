from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from config.daily_caps import NO_DAILY_CAPS, DailyCaps
from rules.caps import capped, is_charged
from rules.gates import NOW, Decision, Later, Refusal, Refused
from rules.kinds import Channel
from rules.local_day import LocalDay
from rules.timezones import zone_of

IN_APP, EMAIL, PUSH, SMS = Channel
NOON = datetime(2026, 11, 26, 10, tzinfo=UTC)
TODAY = LocalDay.of(NOON, zone_of("Africa/Johannesburg"))
EVERYWHERE: dict[Channel, Decision] = dict.fromkeys(Channel, NOW)


@pytest.mark.parametrize(
    ("user_type", "wanted"),
    [
        ("customer", ((IN_APP, 50), (EMAIL, 10), (PUSH, 5), (SMS, 2))),
        ("ngo", ((IN_APP, 100), (EMAIL, 20), (PUSH, 10), (SMS, 5))),
        ("provider", ((IN_APP, 200), (EMAIL, 50), (PUSH, 20), (SMS, 10))),
        ("admin", ((EMAIL, 100), (PUSH, 50), (SMS, 20))),
        (None, ((IN_APP, 50), (EMAIL, 10), (PUSH, 5), (SMS, 2))),
    ],
)
def test_each_type_of_user_has_the_caps_of_the_contract(
    user_type: str | None, wanted: tuple[tuple[Channel, int], ...]
) -> None:
    assert capped(DailyCaps(), user_type, EVERYWHERE) == wanted


def test_only_what_is_sent_now_is_counted_now() -> None:
    decisions: dict[Channel, Decision] = {
        EMAIL: Later(NOON),
        IN_APP: NOW,
        PUSH: Refused(Refusal.NO_ADDRESS),
    }
    assert capped(DailyCaps(), "customer", decisions) == ((IN_APP, 50),)


def test_without_caps_nothing_is_counted() -> None:
    assert capped(NO_DAILY_CAPS, "customer", EVERYWHERE) == ()


@pytest.mark.parametrize(
    ("state", "is_counted"),
    [
        ({"status": "delivered"}, True),
        ({"status": "queued"}, True),
        ({"status": "sent", "attempts": [{}]}, True),
        ({"status": "failed", "attempts": [{}]}, False),
        ({"status": "dead", "attempts": [{}]}, False),
        ({"status": "suppressed", "reason": "daily_cap"}, False),
        ({"status": "suppressed", "reason": "no_longer_true", "charged_on": "2026-11-26"}, False),
        ({"status": "deferred", "reason": "quiet_hours"}, False),
        ({"status": "deferred", "reason": "retry", "attempts": [{}]}, True),
        ({"status": "sent", "attempts": [{}], "charged_on": "2026-11-26"}, True),
        ({"status": "sent", "attempts": [{}], "charged_on": "2026-11-27"}, False),
        ({"status": "deferred", "charged_on": "2026-11-26"}, True),
    ],
)
def test_a_notification_of_today_counts_on_the_channels_it_went_by(
    state: dict[str, Any], is_counted: bool
) -> None:
    assert is_charged(state, day=TODAY, created_at=NOON, is_critical=False) is is_counted


@pytest.mark.parametrize(
    ("state", "is_counted"),
    [
        ({"status": "delivered"}, False),
        ({"status": "sent", "attempts": [{}]}, False),
        ({"status": "sent", "attempts": [{}], "charged_on": "2026-11-26"}, True),
    ],
)
def test_one_of_yesterday_counts_where_it_was_claimed_today(
    state: dict[str, Any], is_counted: bool
) -> None:
    yesterday = TODAY.starts_at - timedelta(seconds=1)
    assert is_charged(state, day=TODAY, created_at=yesterday, is_critical=False) is is_counted


def test_what_is_critical_counts_nowhere() -> None:
    assert not is_charged({"status": "sent"}, day=TODAY, created_at=NOON, is_critical=True)
