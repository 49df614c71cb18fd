"""What is put on the bus is what comes off it."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from actors.frames import Announcement
from actors.inbox_change import OneDeleted, OneRead, SeveralRead
from actors.notices import Answers, Came, Evicted, Heard, Joined, Lost, Notice, Questions
from actors.parcels import Announced, Changed, Parcel, Shown, UnknownParcel, read_fields
from actors.questions import Answer, Question
from actors.shared_time import NEW_FOR_S, SharedTime
from storage.names import Names
from tests.storage.samples import NOON, a_row

NO_NAMES = Names({}, {})
USER = UUID(int=1)


@pytest.mark.parametrize(
    "parcel",
    [
        Changed(USER, OneRead(UUID(int=2))),
        Changed(USER, OneDeleted(UUID(int=3))),
        Changed(USER, SeveralRead(12)),
        Shown(USER, '{"type":"pong","data":"\u00e9"}'.encode()),
        Joined(),
        Lost(NOON),
        Evicted(USER, 3),
        Came("left#1", 5, (USER, UUID(int=2))),
        Heard(5),
        Questions("left#1", (Question(7, USER, 12, 1, b""), Question(8, USER, 13, 6, USER.bytes))),
        Answers((Answer(7, 1, 3), Answer(8, 3))),
    ],
    ids=repr,
)
def test_a_parcel_comes_as_it_went(parcel: Parcel | Notice) -> None:
    assert read_fields(parcel.fields()) == parcel


def test_of_an_announcement_each_process_gets_the_part_for_its_users() -> None:
    read, unread = a_row(uuid4(), is_read=True), a_row(uuid4())
    rows = [read, unread, a_row(uuid4(), in_app=False), a_row(uuid4(), is_deleted=True)]
    whole = Announced.of(rows, Announcement(read, NO_NAMES), SharedTime())
    assert list(whole.user_ids) == [read.recipient_id, unread.recipient_id]
    got = read_fields(whole.part_for({unread.recipient_id, uuid4()}).fields())
    assert isinstance(got, Announced)
    assert got.created_at == NOON
    (addressee,) = got.addressees
    assert (addressee.user_id, addressee.notification_id, addressee.is_unread) == (
        unread.recipient_id,
        unread.id,
        True,
    )
    assert got.announcement.frame(unread.id, 3) == whole.announcement.frame(unread.id, 3)
    again = read_fields(whole.fields())
    assert isinstance(again, Announced)
    assert [each.is_unread for each in again.addressees] == [False, True]


def test_an_announcement_says_by_redis_clock_when_its_rows_were_not_stored_yet() -> None:
    seconds = [100.0]
    shared_time = SharedTime(lambda: seconds[0])
    shared_time.measure(1_800_000_000_000_000, asked_at_s=seconds[0])
    seconds[0] += NEW_FOR_S + 1
    row = a_row(uuid4())
    sent = [
        Announced.of([row], Announcement(row, NO_NAMES, stored_after_s=after_s), shared_time)
        for after_s in (None, 100.0)
    ]
    got = [read_fields(announced.fields()) for announced in sent]
    unknown, known = [each.stored_after_us for each in got if isinstance(each, Announced)]
    assert unknown is None
    assert known is not None
    assert 1_799_999_999_990_000 < known <= 1_800_000_000_000_000


def test_what_concerns_one_goes_whole() -> None:
    for parcel in (Changed(USER, SeveralRead(1)), Shown(USER, b"{}")):
        assert list(parcel.user_ids) == [USER]
        assert parcel.part_for({USER}) is parcel


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {b"kind": b"of a later version", b"user": USER.bytes},
        {b"kind": b"read", b"user": USER.bytes},
        {b"kind": b"read", b"user": b"short", b"id": USER.bytes},
        {b"kind": b"bulk_read", b"user": USER.bytes, b"count": b"many"},
        {b"kind": b"lost", b"since": b"9" * 30},
        {b"kind": b"announced", b"head": b"{", b"created_at": b"0", b"to": b"cut off"},
        {b"kind": b"announced", b"head": b"{", b"created_at": b"0", b"after": b"-", b"to": b""},
        {b"kind": b"asked", b"from": b"left#1", b"questions": b"cut off"},
        {b"kind": b"answered", b"answers": b"cut off"},
        {b"kind": b"\xff"},
    ],
)
def test_what_cannot_be_read_says_so(fields: dict[bytes, bytes]) -> None:
    with pytest.raises(UnknownParcel):
        read_fields(fields)
