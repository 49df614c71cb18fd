from __future__ import annotations

import pytest

from rules.kinds import KINDS, Channel

IN_APP, EMAIL, PUSH, SMS = Channel.IN_APP, Channel.EMAIL, Channel.PUSH, Channel.SMS

CONTRACT = {
    "new_listing": ({IN_APP, EMAIL, PUSH}, "new_listing_notifications"),
    "listing_expiring": ({IN_APP, PUSH}, None),
    "pickup_reminder": ({IN_APP, EMAIL, PUSH, SMS}, None),
    "pickup_missed": ({IN_APP, PUSH}, None),
    "interaction_confirmed": ({IN_APP, PUSH}, None),
    "interaction_completed": ({IN_APP}, None),
    "review_received": ({IN_APP, EMAIL}, None),
    "business_update": ({IN_APP}, None),
    "system_announcement": ({IN_APP, EMAIL}, None),
    "promotional": ({IN_APP, EMAIL, PUSH}, "promotional_notifications"),
    "welcome": ({EMAIL}, None),
    "verification_status": ({IN_APP, EMAIL}, None),
    "weekly_digest": ({EMAIL}, "weekly_digest"),
}
"""Section 5: type -> channels, and the preference that its recipients are chosen by."""


def test_there_are_the_contracts_kinds_and_no_others() -> None:
    assert set(KINDS) == set(CONTRACT)


@pytest.mark.parametrize("name", CONTRACT)
def test_a_kind_uses_the_contracts_channels_and_preference(name: str) -> None:
    kind = KINDS[name]
    assert kind.name == name
    assert len(set(kind.channels)) == len(kind.channels)
    assert (set(kind.channels), kind.preference) == CONTRACT[name]


def test_channels_are_called_what_clients_call_them() -> None:
    assert [str(channel) for channel in Channel] == ["in_app", "email", "push", "sms"]
