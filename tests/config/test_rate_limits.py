from __future__ import annotations

from dataclasses import astuple, replace
from pathlib import Path

import pytest

from config.rate_limits import NO_RATE_LIMITS, RateLimits
from config.settings import SettingsError, read_settings


def rate_limits(tmp_path: Path, value: str) -> RateLimits:
    given = {"SNB_DATA_DIR": str(tmp_path), "SNB_RATE_LIMITS": value}
    return read_settings(given).rate_limits


def test_the_table_of_the_contract_is_the_default(tmp_path: Path) -> None:
    assert rate_limits(tmp_path, "") == RateLimits(
        anonymous_per_hour=100,
        user_per_hour=1_000,
        customer_per_minute=50,
        ngo_per_minute=75,
        provider_per_minute=100,
        admin_per_minute=500,
        service_per_minute=6_000,
        customer_notifications_per_minute=50,
        campaigns_per_hour=5,
        websocket_messages_per_minute=60,
    )


@pytest.mark.parametrize("value", ["off", "OFF"])
def test_off_switches_all_off_messages_over_the_websocket_too(tmp_path: Path, value: str) -> None:
    read = rate_limits(tmp_path, value)
    assert read == NO_RATE_LIMITS
    assert set(astuple(read)) == {None}
    assert read.websocket_messages_per_minute is None


def test_what_is_overridden_changes_and_the_rest_stays(tmp_path: Path) -> None:
    read = rate_limits(tmp_path, '{"customer_per_minute": 7, "campaigns_per_hour": 0}')
    assert read == replace(RateLimits(), customer_per_minute=7, campaigns_per_hour=0)


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("none", "must be off or a JSON object"),
        ("[]", "must be off or a JSON object"),
        ("100", "must be off or a JSON object"),
        ('{"user_per_hour": 1', "must be off or a JSON object"),
        ('{"user_per_minute": 1}', "there is no limit 'user_per_minute'"),
        ('{"user_per_hour": -1}', "user_per_hour must be a whole number from 0 to 1000000000"),
        ('{"user_per_hour": 1.5}', "user_per_hour must be a whole number from 0 to 1000000000"),
        ('{"user_per_hour": 1.0}', "user_per_hour must be a whole number from 0 to 1000000000"),
        ('{"user_per_hour": "9"}', "user_per_hour must be a whole number from 0 to 1000000000"),
        ('{"user_per_hour": true}', "user_per_hour must be a whole number from 0 to 1000000000"),
        ('{"user_per_hour": null}', "user_per_hour must be a whole number from 0 to 1000000000"),
        (
            '{"user_per_hour": 1000000001}',
            "user_per_hour must be a whole number from 0 to 1000000000",
        ),
    ],
)
def test_a_bad_override_names_the_variable_and_the_key(
    tmp_path: Path, value: str, problem: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        rate_limits(tmp_path, value)
    assert str(caught.value) == f"SNB_RATE_LIMITS: {problem}"
