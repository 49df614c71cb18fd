from __future__ import annotations

from typing import Any

import pytest

from rules.kinds import KINDS, Channel
from rules.opt_outs import SWITCHES, switched_off
from rules.preferences import DEFAULTS
from rules.unsubscribing import Scope

ON = {
    "email_notifications": True,
    "push_notifications": True,
    "sms_notifications": True,
    "new_listing_notifications": True,
    "promotional_notifications": True,
    "weekly_digest": True,
    "mute_all": False,
    "muted_types": [],
    "muted_businesses": [],
}


def whats(changes: dict[str, Any]) -> list[str]:
    return [each.what for each in switched_off(changes)]


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"email_notifications": False}, ["email"]),
        ({"push_notifications": False}, ["push"]),
        ({"sms_notifications": False}, ["sms"]),
        ({"new_listing_notifications": False}, ["new_listing"]),
        ({"promotional_notifications": False}, ["promotional"]),
        ({"weekly_digest": False}, ["weekly_digest"]),
        ({"mute_all": True}, ["all"]),
        ({"muted_types": ["welcome", "promotional"]}, ["welcome", "promotional"]),
        ({"muted_businesses": ["b1", "b2"]}, ["business", "business"]),
        ({"email_notifications": False, "mute_all": True}, ["email", "all"]),
        ({"locale": "af", "quiet_hours": {"enabled": False}}, []),
        (ON, []),
    ],
)
def test_what_is_off_is_named_as_people_know_it(changes: dict[str, Any], what: list[str]) -> None:
    assert whats(changes) == what


def test_every_preference_that_is_on_or_off_is_a_switch() -> None:
    switches = {name for name in DEFAULTS.__slots__ if isinstance(getattr(DEFAULTS, name), bool)}
    assert {switch.preference for switch in SWITCHES} == switches


def test_every_unsubscribe_link_is_about_a_switch() -> None:
    for scope in Scope:
        assert len(whats({scope.preference: False})) == 1


def test_a_switch_is_a_channel_a_kind_or_all() -> None:
    assert {switch.what for switch in SWITCHES} <= {*KINDS, *Channel, "all"}


def test_what_was_never_set_is_as_it_is_by_default() -> None:
    assert {switch.what for switch in SWITCHES if switch.default == switch.off} == {"promotional"}
