from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest

from rules.gates import NOW, Gates, Later, Refusal, Refused, decide
from rules.kinds import KINDS, Channel
from rules.preferences import Preferences
from rules.quiet_hours import QuietHours
from rules.recipients import Recipient
from tests.rules.decisions import (
    ALL,
    EVERYTHING_ON,
    LISTING,
    MORNING,
    NIGHT,
    NOON,
    OTHER_SHOP,
    REACHABLE,
    SHOP,
    decided,
    everywhere,
    preferring,
    without,
)


def test_nothing_stands_in_the_way_of_who_wants_it_and_can_be_reached() -> None:
    assert decided(REACHABLE) == everywhere(NOW)


def test_only_the_channels_asked_for_are_decided() -> None:
    asked = (Channel.PUSH, Channel.IN_APP)
    decisions = decide(kind=LISTING, channels=asked, business_id=SHOP, recipient=REACHABLE, at=NOON)
    assert decisions == {Channel.PUSH: NOW, Channel.IN_APP: NOW}


REFUSALS_EVERYWHERE: list[tuple[dict[str, Any], Refusal]] = [
    ({"mute_all": True}, Refusal.MUTE_ALL),
    ({"muted_types": ("new_listing",)}, Refusal.MUTED_TYPE),
    ({"muted_businesses": (str(SHOP),)}, Refusal.MUTED_BUSINESS),
    ({"new_listing_notifications": False}, Refusal.KIND_SWITCHED_OFF),
]
"""In the contract's order (section 5)."""


@pytest.mark.parametrize(("changes", "refusal"), REFUSALS_EVERYWHERE)
def test_a_mute_silences_every_channel_and_gives_its_reason(
    changes: dict[str, Any], refusal: Refusal
) -> None:
    assert decided(preferring(changes)) == everywhere(Refused(refusal))


@pytest.mark.parametrize("first", range(len(REFUSALS_EVERYWHERE)))
def test_of_several_refusals_the_first_in_the_contracts_order_is_the_reason(first: int) -> None:
    recipient = preferring({"email_notifications": False}, without("has_email"))
    for changes, _ in REFUSALS_EVERYWHERE[first:]:
        recipient = preferring(changes, recipient)
    _, refusal = REFUSALS_EVERYWHERE[first]
    decisions = decided(recipient, at=NIGHT, over_cap=ALL)
    assert decisions == everywhere(Refused(refusal))


@pytest.mark.parametrize(
    ("changes", "muted"),
    [
        ({"muted_types": ("promotional",)}, "another type"),
        ({"muted_businesses": (str(OTHER_SHOP),)}, "another business"),
        ({"promotional_notifications": False}, "another type's preference"),
    ],
)
def test_what_mutes_something_else_mutes_nothing_here(changes: dict[str, Any], muted: str) -> None:
    assert decided(preferring(changes)) == everywhere(NOW), muted


def test_what_comes_from_no_business_passes_muted_businesses() -> None:
    recipient = preferring({"muted_businesses": (str(SHOP), "None")})
    assert decide(
        kind=KINDS["system_announcement"],
        channels=(Channel.IN_APP,),
        business_id=None,
        recipient=recipient,
        at=NOON,
    ) == {Channel.IN_APP: NOW}


CHANNEL_PREFERENCES = {
    Channel.EMAIL: "email_notifications",
    Channel.PUSH: "push_notifications",
    Channel.SMS: "sms_notifications",
}
ADDRESSES = {Channel.EMAIL: "has_email", Channel.PUSH: "has_device", Channel.SMS: "has_phone"}


@pytest.mark.parametrize("channel", CHANNEL_PREFERENCES)
def test_a_channel_switched_off_is_silent_and_no_other(channel: Channel) -> None:
    recipient = preferring({CHANNEL_PREFERENCES[channel]: False})
    refused = Refused(Refusal.CHANNEL_SWITCHED_OFF)
    assert decided(recipient) == everywhere(NOW) | {channel: refused}


@pytest.mark.parametrize("channel", ADDRESSES)
def test_a_channel_without_address_is_silent_and_no_other(channel: Channel) -> None:
    recipient = without(ADDRESSES[channel])
    assert decided(recipient) == everywhere(NOW) | {channel: Refused(Refusal.NO_ADDRESS)}


@pytest.mark.parametrize("channel", ADDRESSES)
def test_a_channel_switched_off_says_so_before_it_says_that_there_is_no_address(
    channel: Channel,
) -> None:
    recipient = preferring({CHANNEL_PREFERENCES[channel]: False}, without(ADDRESSES[channel]))
    assert decided(recipient)[channel] == Refused(Refusal.CHANNEL_SWITCHED_OFF)


def test_the_inbox_needs_no_address_and_has_no_switch() -> None:
    nobody = Recipient(
        user_id=UUID(int=1),
        preferences=Preferences(
            email_notifications=False, push_notifications=False, sms_notifications=False
        ),
    )
    assert decided(nobody)[Channel.IN_APP] is NOW


def test_who_is_known_by_nothing_but_an_id_has_the_default_preferences() -> None:
    stranger = Recipient(user_id=UUID(int=1))
    no_address = Refused(Refusal.NO_ADDRESS)
    assert decided(stranger, at=NIGHT) == everywhere(no_address) | {Channel.IN_APP: NOW}
    switched_off = Refused(Refusal.KIND_SWITCHED_OFF)
    assert decided(stranger, KINDS["promotional"]) == everywhere(switched_off)


SWITCHES_OF_KINDS = {
    "new_listing": "new_listing_notifications",
    "promotional": "promotional_notifications",
    "weekly_digest": "weekly_digest",
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("switched_off", SWITCHES_OF_KINDS.values())
def test_each_preference_switches_its_own_kind_and_no_other(kind: str, switched_off: str) -> None:
    is_switched = SWITCHES_OF_KINDS.get(kind) == switched_off
    decision = Refused(Refusal.KIND_SWITCHED_OFF) if is_switched else NOW
    recipient = preferring({switched_off: False})
    assert decided(recipient, KINDS[kind]) == everywhere(decision)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_can_be_muted(kind: str) -> None:
    muted = preferring({"muted_types": (kind,)})
    assert decided(muted, KINDS[kind]) == everywhere(Refused(Refusal.MUTED_TYPE))


@pytest.mark.parametrize("channel", ALL)
def test_a_channel_over_its_cap_is_silent_and_no_other(channel: Channel) -> None:
    decisions = decided(REACHABLE, over_cap={channel})
    assert decisions == everywhere(NOW) | {channel: Refused(Refusal.DAILY_CAP)}


@pytest.mark.parametrize("channel", ADDRESSES)
def test_a_channel_without_address_says_so_before_it_says_that_its_cap_is_reached(
    channel: Channel,
) -> None:
    decisions = decided(without(ADDRESSES[channel]), over_cap=ALL)
    assert decisions[channel] == Refused(Refusal.NO_ADDRESS)


def test_welcome_counts_like_any_email() -> None:
    decisions = decided(REACHABLE, KINDS["welcome"], over_cap={Channel.EMAIL})
    assert decisions[Channel.EMAIL] == Refused(Refusal.DAILY_CAP)


def test_what_is_critical_asks_neither_cap_nor_quiet_hours() -> None:
    assert decided(REACHABLE, at=NIGHT, is_critical=True, over_cap=ALL) == everywhere(NOW)


@pytest.mark.parametrize(("changes", "refusal"), REFUSALS_EVERYWHERE)
def test_what_is_critical_is_muted_like_anything_else(
    changes: dict[str, Any], refusal: Refusal
) -> None:
    assert decided(preferring(changes), is_critical=True) == everywhere(Refused(refusal))


def test_what_is_critical_needs_channel_and_address_like_anything_else() -> None:
    recipient = preferring({"push_notifications": False}, without("has_phone"))
    assert decided(recipient, is_critical=True) == everywhere(NOW) | {
        Channel.PUSH: Refused(Refusal.CHANNEL_SWITCHED_OFF),
        Channel.SMS: Refused(Refusal.NO_ADDRESS),
    }


def test_decisions_are_recorded_under_their_gates_names() -> None:
    assert [str(refusal) for refusal in Refusal] == [
        "mute_all",
        "muted_types",
        "muted_businesses",
        "type_preference",
        "channel_preference",
        "no_address",
        "daily_cap",
    ]
    assert Later(MORNING).reason == "quiet_hours"


@pytest.mark.parametrize("is_critical", [False, True])
@pytest.mark.parametrize("at", [NOON, NIGHT])
def test_the_gates_of_a_moment_say_the_same_of_each_recipient(
    at: datetime, is_critical: bool
) -> None:
    gates = Gates(
        kind=LISTING, channels=iter(ALL), business_id=SHOP, at=at, is_critical=is_critical
    )
    recipients = [
        REACHABLE,
        *(without(each) for each in ("has_email", "has_phone", "has_device")),
        preferring({"mute_all": True}),
        preferring({"quiet_hours": QuietHours(is_enabled=False)}),
        preferring({"muted_businesses": (str(SHOP),)}),
    ]
    for recipient in (*recipients, *recipients):
        assert gates.decide(recipient) == decided(recipient, at=at, is_critical=is_critical)


def test_who_prefers_the_same_gets_the_same_decisions() -> None:
    gates = Gates(kind=LISTING, channels=ALL, business_id=SHOP, at=NOON, is_critical=False)
    alike = REACHABLE._replace(user_id=UUID(int=2), preferences=replace(EVERYTHING_ON))
    assert gates.decide(alike) is gates.decide(REACHABLE)
