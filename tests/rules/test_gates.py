from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from rules.gates import Refusal, decide
from rules.kinds import KINDS, Channel, Kind
from rules.preferences import Preferences
from rules.recipients import Recipient

SHOP = UUID("50000000-0000-4000-8000-000000000001")
OTHER_SHOP = UUID("50000000-0000-4000-8000-000000000002")
ALL = tuple(Channel)
LISTING = KINDS["new_listing"]

EVERYTHING_ON = Preferences(promotional_notifications=True)
REACHABLE = Recipient(
    user_id=UUID(int=1),
    preferences=EVERYTHING_ON,
    has_email=True,
    has_phone=True,
    has_device=True,
)


def preferring(changes: dict[str, Any], recipient: Recipient = REACHABLE) -> Recipient:
    return replace(recipient, preferences=replace(recipient.preferences, **changes))


def without(address: str, recipient: Recipient = REACHABLE) -> Recipient:
    changes: dict[str, Any] = {address: False}
    return replace(recipient, **changes)


def decided(recipient: Recipient, kind: Kind = LISTING) -> dict[Channel, Refusal | None]:
    return decide(kind=kind, channels=ALL, business_id=SHOP, recipient=recipient)


def test_nothing_stands_in_the_way_of_who_wants_it_and_can_be_reached() -> None:
    assert decided(REACHABLE) == dict.fromkeys(ALL)


def test_only_the_channels_asked_for_are_decided() -> None:
    asked = (Channel.PUSH, Channel.IN_APP)
    assert decide(kind=LISTING, channels=asked, business_id=SHOP, recipient=REACHABLE) == {
        Channel.PUSH: None,
        Channel.IN_APP: None,
    }


REFUSALS_EVERYWHERE: list[tuple[dict[str, Any], Refusal]] = [
    ({"mute_all": True}, Refusal.MUTE_ALL),
    ({"muted_types": frozenset({"new_listing"})}, Refusal.MUTED_TYPE),
    ({"muted_businesses": frozenset({str(SHOP)})}, Refusal.MUTED_BUSINESS),
    ({"new_listing_notifications": False}, Refusal.KIND_SWITCHED_OFF),
]
"""In the contract's order (section 5)."""


@pytest.mark.parametrize(("changes", "refusal"), REFUSALS_EVERYWHERE)
def test_a_mute_silences_every_channel_and_gives_its_reason(
    changes: dict[str, Any], refusal: Refusal
) -> None:
    assert decided(preferring(changes)) == dict.fromkeys(ALL, refusal)


@pytest.mark.parametrize("first", range(len(REFUSALS_EVERYWHERE)))
def test_of_several_refusals_the_first_in_the_contracts_order_is_the_reason(first: int) -> None:
    recipient = preferring({"email_notifications": False}, without("has_email"))
    for changes, _ in REFUSALS_EVERYWHERE[first:]:
        recipient = preferring(changes, recipient)
    _, refusal = REFUSALS_EVERYWHERE[first]
    assert decided(recipient) == dict.fromkeys(ALL, refusal)


@pytest.mark.parametrize(
    ("changes", "muted"),
    [
        ({"muted_types": frozenset({"promotional"})}, "another type"),
        ({"muted_businesses": frozenset({str(OTHER_SHOP)})}, "another business"),
        ({"promotional_notifications": False}, "another type's preference"),
    ],
)
def test_what_mutes_something_else_mutes_nothing_here(changes: dict[str, Any], muted: str) -> None:
    assert decided(preferring(changes)) == dict.fromkeys(ALL), muted


def test_what_comes_from_no_business_passes_muted_businesses() -> None:
    recipient = preferring({"muted_businesses": frozenset({str(SHOP), "None"})})
    assert decide(
        kind=KINDS["system_announcement"],
        channels=(Channel.IN_APP,),
        business_id=None,
        recipient=recipient,
    ) == {Channel.IN_APP: None}


CHANNEL_PREFERENCES = {
    Channel.EMAIL: "email_notifications",
    Channel.PUSH: "push_notifications",
    Channel.SMS: "sms_notifications",
}
ADDRESSES = {Channel.EMAIL: "has_email", Channel.PUSH: "has_device", Channel.SMS: "has_phone"}


@pytest.mark.parametrize("channel", CHANNEL_PREFERENCES)
def test_a_channel_switched_off_is_silent_and_no_other(channel: Channel) -> None:
    recipient = preferring({CHANNEL_PREFERENCES[channel]: False})
    assert decided(recipient) == dict.fromkeys(ALL) | {channel: Refusal.CHANNEL_SWITCHED_OFF}


@pytest.mark.parametrize("channel", ADDRESSES)
def test_a_channel_without_address_is_silent_and_no_other(channel: Channel) -> None:
    recipient = without(ADDRESSES[channel])
    assert decided(recipient) == dict.fromkeys(ALL) | {channel: Refusal.NO_ADDRESS}


@pytest.mark.parametrize("channel", ADDRESSES)
def test_a_channel_switched_off_says_so_before_it_says_that_there_is_no_address(
    channel: Channel,
) -> None:
    recipient = preferring({CHANNEL_PREFERENCES[channel]: False}, without(ADDRESSES[channel]))
    assert decided(recipient)[channel] is Refusal.CHANNEL_SWITCHED_OFF


def test_the_inbox_needs_no_address_and_has_no_switch() -> None:
    nobody = Recipient(
        user_id=UUID(int=1),
        preferences=Preferences(
            email_notifications=False, push_notifications=False, sms_notifications=False
        ),
    )
    assert decided(nobody)[Channel.IN_APP] is None


def test_who_is_known_by_nothing_but_an_id_has_the_default_preferences() -> None:
    stranger = Recipient(user_id=UUID(int=1))
    assert decided(stranger) == {
        Channel.IN_APP: None,
        Channel.EMAIL: Refusal.NO_ADDRESS,
        Channel.PUSH: Refusal.NO_ADDRESS,
        Channel.SMS: Refusal.NO_ADDRESS,
    }
    assert decided(stranger, KINDS["promotional"]) == dict.fromkeys(ALL, Refusal.KIND_SWITCHED_OFF)


SWITCHES_OF_KINDS = {
    "new_listing": "new_listing_notifications",
    "promotional": "promotional_notifications",
    "weekly_digest": "weekly_digest",
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("switched_off", SWITCHES_OF_KINDS.values())
def test_each_preference_switches_its_own_kind_and_no_other(kind: str, switched_off: str) -> None:
    is_switched = SWITCHES_OF_KINDS.get(kind) == switched_off
    refusal = Refusal.KIND_SWITCHED_OFF if is_switched else None
    recipient = preferring({switched_off: False})
    assert decided(recipient, KINDS[kind]) == dict.fromkeys(ALL, refusal)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_can_be_muted(kind: str) -> None:
    muted = preferring({"muted_types": frozenset({kind})})
    assert decided(muted, KINDS[kind]) == dict.fromkeys(ALL, Refusal.MUTED_TYPE)


def test_refusals_are_recorded_under_their_gates_names() -> None:
    assert [str(refusal) for refusal in Refusal] == [
        "mute_all",
        "muted_types",
        "muted_businesses",
        "type_preference",
        "channel_preference",
        "no_address",
    ]
