from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest

from rules.preferences import DEFAULTS, Preferences


def test_the_defaults_are_the_contracts() -> None:
    assert {field.name: getattr(Preferences(), field.name) for field in fields(Preferences)} == {
        "email_notifications": True,
        "push_notifications": True,
        "sms_notifications": True,
        "new_listing_notifications": True,
        "promotional_notifications": False,
        "weekly_digest": True,
        "mute_all": False,
        "muted_types": frozenset(),
        "muted_businesses": frozenset(),
    }


@pytest.mark.parametrize(
    "stored",
    [
        {},
        {"quiet_hours": {"enabled": False}, "locale": "af"},
    ],
    ids=["nothing set", "only what gates do not ask"],
)
def test_who_set_nothing_shares_the_defaults(stored: dict[str, Any]) -> None:
    assert Preferences.from_stored(stored) is DEFAULTS


@pytest.mark.parametrize(
    "name", [field.name for field in fields(Preferences) if not field.name.startswith("muted_")]
)
@pytest.mark.parametrize("value", [True, False])
def test_a_switch_that_was_set_is_kept_and_the_rest_stays(name: str, *, value: bool) -> None:
    stored: dict[str, Any] = {name: value}
    assert Preferences.from_stored(stored) == replace(DEFAULTS, **stored)


@pytest.mark.parametrize("name", ["muted_types", "muted_businesses"])
def test_a_list_that_was_set_is_kept_as_a_set(name: str) -> None:
    kept: dict[str, Any] = {name: frozenset({"one", "other"})}
    loaded = Preferences.from_stored({name: ["one", "other", "one"]})
    assert loaded == replace(DEFAULTS, **kept)
