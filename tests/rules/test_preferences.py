from __future__ import annotations

from dataclasses import fields, replace
from datetime import time
from typing import Any

import pytest

from rules.preferences import DEFAULTS, Preferences
from rules.quiet_hours import QuietHours

DEFAULT_VALUES = {field.name: getattr(Preferences(), field.name) for field in fields(Preferences)}


def test_the_defaults_are_the_contracts() -> None:
    assert {
        "email_notifications": True,
        "push_notifications": True,
        "sms_notifications": True,
        "new_listing_notifications": True,
        "promotional_notifications": False,
        "weekly_digest": True,
        "mute_all": False,
        "muted_types": (),
        "muted_businesses": (),
        "quiet_hours": QuietHours(is_enabled=True, start=time(22), end=time(7)),
        "timezone": "Africa/Johannesburg",
        "locale": "en",
    } == DEFAULT_VALUES


def test_who_set_nothing_shares_the_defaults() -> None:
    assert Preferences.from_stored({}) is DEFAULTS
    assert Preferences.from_stored({}, timezone="Africa/Johannesburg", locale="en") is DEFAULTS


@pytest.mark.parametrize(
    "name", [name for name, value in DEFAULT_VALUES.items() if isinstance(value, bool)]
)
@pytest.mark.parametrize("value", [True, False])
def test_a_switch_that_was_set_is_kept_and_the_rest_stays(name: str, *, value: bool) -> None:
    stored: dict[str, Any] = {name: value}
    assert Preferences.from_stored(stored) == replace(DEFAULTS, **stored)


@pytest.mark.parametrize("name", ["muted_types", "muted_businesses"])
def test_a_list_that_was_set_is_kept_in_its_order(name: str) -> None:
    kept: dict[str, Any] = {name: ("other", "one")}
    assert Preferences.from_stored({name: ["other", "one"]}) == replace(DEFAULTS, **kept)


@pytest.mark.parametrize(
    ("stored", "hours"),
    [
        ({}, QuietHours()),
        ({"enabled": False}, QuietHours(is_enabled=False)),
        ({"start": "21:15"}, QuietHours(start=time(21, 15))),
        ({"end": "00:00"}, QuietHours(end=time(0))),
        (
            {"enabled": False, "start": "01:00", "end": "02:59"},
            QuietHours(is_enabled=False, start=time(1), end=time(2, 59)),
        ),
    ],
)
def test_of_quiet_hours_what_was_set_is_kept_and_the_rest_stays(
    stored: dict[str, Any], hours: QuietHours
) -> None:
    assert Preferences.from_stored({"quiet_hours": stored}) == replace(DEFAULTS, quiet_hours=hours)


@pytest.mark.parametrize(
    ("stored", "profile", "expected"),
    [
        ({}, {}, ("Africa/Johannesburg", "en")),
        ({}, {"timezone": None, "locale": None}, ("Africa/Johannesburg", "en")),
        ({}, {"timezone": "Europe/Paris", "locale": "zu"}, ("Europe/Paris", "zu")),
        ({"locale": "af"}, {"timezone": "Europe/Paris", "locale": "zu"}, ("Europe/Paris", "af")),
        (
            {"timezone": "Africa/Johannesburg", "locale": "en"},
            {"timezone": "Europe/Paris", "locale": "zu"},
            ("Africa/Johannesburg", "en"),
        ),
    ],
)
def test_time_zone_and_locale_start_as_the_profiles_and_what_was_set_wins(
    stored: dict[str, Any], profile: dict[str, Any], expected: tuple[str, str]
) -> None:
    preferences = Preferences.from_stored(stored, **profile)
    assert (preferences.timezone, preferences.locale) == expected
