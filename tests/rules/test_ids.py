from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import RFC_4122, UUID

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from rules.ids import (
    event_key,
    follow_id,
    idempotency_key_id,
    interest_id,
    notification_id,
    request_key,
    schedule_id,
    status_key,
)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)

ONE = UUID("11111111-1111-4111-8111-111111111111")
TWO = UUID("22222222-2222-4222-8222-222222222222")
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
INEXACT_AS_A_FLOAT = datetime(2038, 2, 17, 6, 16, 39, 996_000, tzinfo=UTC)
"""Its `timestamp()` times 1,000 comes out a millisecond short."""

moments = st.datetimes(
    min_value=datetime(2020, 1, 1),  # noqa: DTZ001 (hypothesis adds the zone)
    max_value=datetime(2100, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)
uuids = st.uuids()


@given(event=uuids, kind=st.text(), recipient=uuids, at=moments)
def test_the_same_cause_gives_the_same_notification_id(
    event: UUID, kind: str, recipient: UUID, at: datetime
) -> None:
    assert notification_id(event, kind, recipient, at) == notification_id(
        UUID(str(event)), kind, UUID(str(recipient)), at
    )


def test_ids_never_change_between_releases() -> None:
    """Rows written by another release are found under these."""
    assert event_key(ONE, "event-1") == UUID("9f881fa9-28e7-8a15-a572-b654d8a08c10")
    assert follow_id(ONE, TWO) == UUID("ee1d75d7-cd34-8cf3-afbf-c0da8429e065")
    assert interest_id("770g", TWO) == UUID("b98e240a-12b4-81dd-8cfa-4cb38e476569")
    assert schedule_id("pickup.hour", "770g") == UUID("2f36adfa-ec61-8c08-b57a-b1428985740f")
    assert status_key("interaction", "770g") == UUID("3024f272-c3b8-861e-a789-3b84897f0145")
    assert notification_id(ONE, "new_listing", TWO, NOON) == UUID(
        "01a20320-a200-7030-8e98-58956d7109bd"
    )


@pytest.mark.parametrize(
    "other",
    [
        {"event": TWO},
        {"kind": "promotional"},
        {"recipient_id": ONE},
        {"accepted_at": NOON + MILLISECOND},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_a_notification_id_depends_on_each_of_its_causes(other: dict[str, Any]) -> None:
    cause: dict[str, Any] = {
        "event": ONE,
        "kind": "new_listing",
        "recipient_id": TWO,
        "accepted_at": NOON,
    }
    assert notification_id(**cause) != notification_id(**(cause | other))


@given(event=uuids, kind=st.text(), recipient=uuids, at=moments)
@example(event=ONE, kind="new_listing", recipient=TWO, at=INEXACT_AS_A_FLOAT)
def test_a_notification_id_is_a_uuid_of_version_7_with_the_time_of_acceptance(
    event: UUID, kind: str, recipient: UUID, at: datetime
) -> None:
    id_ = notification_id(event, kind, recipient, at)
    assert id_.version == 7
    assert id_.variant == RFC_4122
    assert id_.int >> 80 == (at - EPOCH) // MILLISECOND


@given(event=uuids, recipient=uuids, at=moments, later=st.integers(1, 10**12))
def test_notification_ids_sort_by_the_time_of_acceptance(
    event: UUID, recipient: UUID, at: datetime, later: int
) -> None:
    then = at + timedelta(milliseconds=later)
    early = notification_id(event, "new_listing", recipient, at)
    assert early < notification_id(event, "new_listing", recipient, then)


def test_recipients_of_one_event_share_no_random_bits() -> None:
    """With 62 of them a repeat among 50,000 would be a fault, not chance."""
    ids = {notification_id(ONE, "new_listing", UUID(int=n), NOON).int for n in range(50_000)}
    assert len({id_ & ((1 << 62) - 1) for id_ in ids}) == 50_000


@given(sender=uuids, event_id=st.text(min_size=1, max_size=128))
def test_an_event_key_is_the_same_for_the_same_sender_and_id(sender: UUID, event_id: str) -> None:
    key = event_key(sender, event_id)
    assert key == event_key(UUID(bytes=sender.bytes), event_id)
    assert key.version == 8
    assert key.variant == RFC_4122


@given(
    first=st.tuples(uuids, st.text(max_size=128)), second=st.tuples(uuids, st.text(max_size=128))
)
def test_different_events_have_different_keys(
    first: tuple[UUID, str], second: tuple[UUID, str]
) -> None:
    assume(first != second)
    assert event_key(*first) != event_key(*second)


def test_the_same_id_of_another_sender_is_another_event() -> None:
    assert event_key(ONE, "1") != event_key(TWO, "1")


@given(event=uuids, recipient=uuids, kind=st.text(min_size=1), cut=st.integers(0, 8))
def test_no_part_of_an_id_can_pass_for_a_piece_of_its_neighbour(
    event: UUID, recipient: UUID, kind: str, cut: int
) -> None:
    """The kind runs into the recipient's bytes; a hash of the mere concatenation would collide."""
    whole = kind.encode() + recipient.bytes
    moved = whole[: len(kind.encode()) - cut]
    try:
        shorter = moved.decode()
    except UnicodeDecodeError:
        return
    assume(shorter != kind)
    other = UUID(bytes=whole[len(moved) : len(moved) + 16])
    assert notification_id(event, kind, recipient, NOON) != notification_id(
        event, shorter, other, NOON
    )


@given(business=uuids, user=uuids)
def test_a_follow_has_one_id_that_tells_the_follower_from_the_followed(
    business: UUID, user: UUID
) -> None:
    assert follow_id(business, user) == follow_id(UUID(bytes=business.bytes), user)
    assert business == user or follow_id(business, user) != follow_id(user, business)


@given(one=uuids, other=uuids)
def test_an_event_and_a_follow_of_the_same_bytes_are_not_the_same_thing(
    one: UUID, other: UUID
) -> None:
    text = other.bytes.decode("latin-1")
    assert follow_id(one, other) != event_key(one, text)
    assert follow_id(one, UUID(bytes=b"0123456789abcdef")) != event_key(one, "0123456789abcdef")


@given(one=uuids, other=uuids, key=st.text(min_size=1, max_size=255))
def test_the_same_idempotency_key_of_another_sender_is_another(
    one: UUID, other: UUID, key: str
) -> None:
    assume(one != other)
    assert idempotency_key_id(one, key) != idempotency_key_id(other, key)
    assert idempotency_key_id(one, key) != event_key(one, key)


@given(one=uuids, other=uuids)
def test_each_request_is_an_event_of_its_own(one: UUID, other: UUID) -> None:
    assert one == other or request_key(one) != request_key(other)
    assert request_key(one) != event_key(one, "")
