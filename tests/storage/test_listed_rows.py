"""Rows are listed as they are stored, whatever of them was read before."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import bson
import pytest
from bson.raw_bson import RawBSONDocument
from hypothesis import given
from hypothesis import strategies as st

from storage.encryption import DecryptionError, FieldCipher
from storage.listed_rows import LISTED, LONGEST_REMEMBERED, REMEMBERED_FOR_S, ListedRow, ListedRows
from storage.notification_rows import NotificationRow
from storage.row_encoding import STANDARD
from storage.sealing import sealed
from tests.storage.samples import KEY, NOON, a_row

CIPHER = FieldCipher([KEY])

KINDS: tuple[dict[str, Any], ...] = (
    {},
    {"title": "Cake", "message": "Kôkkies 🍪"},
    {"is_read": True, "read_at": NOON + timedelta(milliseconds=1)},
    {"business_id": None, "sender_id": UUID(int=5), "sender_type": "service"},
    {"data": {"n": 1}},
    {"data": {"n": True}},
    {"data": {"n": 1.0}},
    {"data": {"confirmation_code": "ABC123"}},
    {"action_buttons": [{"text": "Call", "phone": "+27123456789"}]},
)


def found(row: NotificationRow) -> RawBSONDocument:
    """Return the row as the store answers with it."""
    stored = sealed(row.to_document(), CIPHER)
    listed = {name: stored[name] for name in ("_id", *LISTED) if name in stored}
    return RawBSONDocument(bson.encode(listed, codec_options=STANDARD))


def listed_of(row: NotificationRow) -> dict[str, Any]:
    whole = row.to_document()
    return {name: whole[name] for name in LISTED if name in whole}


def read(rows: ListedRows, row: NotificationRow) -> ListedRow:
    (listed,) = rows.read([found(row)], row.recipient_id)
    return listed


@given(picked=st.lists(st.sampled_from(KINDS), max_size=20))
def test_each_row_is_what_a_list_shows_of_its_document(picked: list[dict[str, Any]]) -> None:
    owner, kind = uuid4(), a_row(uuid4())
    rows = [replace(kind, id=uuid4(), recipient_id=owner, **each) for each in picked]
    listed = ListedRows(CIPHER).read(map(found, rows), owner)
    assert [each.content.fields for each in listed] == [listed_of(row) for row in rows]
    assert [type(each.content.fields["data"].get("n")) for each in listed] == [
        type(row.data.get("n")) for row in rows
    ]
    for each, row in zip(listed, rows, strict=True):
        assert (each.id_bytes, each.id_text) == (row.id.bytes, str(row.id).encode())
        assert (each.created_at, each.is_read) == (row.created_at, row.is_read)


def test_what_recipients_are_told_alike_is_read_once() -> None:
    rows, row = ListedRows(CIPHER), a_row(uuid4())
    sibling = replace(row, id=uuid4(), recipient_id=uuid4())
    first, second = read(rows, row), read(rows, sibling)
    assert first.content is second.content
    assert (first.id_bytes, second.id_bytes) == (row.id.bytes, sibling.id.bytes)
    was_read = read(rows, replace(row, is_read=True, read_at=NOON))
    assert was_read.is_read
    assert not read(rows, row).is_read


def test_what_is_secret_is_read_for_its_recipient_alone() -> None:
    rows = ListedRows(CIPHER)
    row = a_row(uuid4(), data={"confirmation_code": "ABC123"})
    listed = found(row)
    (mine,) = rows.read([listed], row.recipient_id)
    assert mine.content.fields["data"] == row.data
    with pytest.raises(DecryptionError):
        rows.read([listed], uuid4())
    (again,) = rows.read([listed], row.recipient_id)
    assert again.content is not mine.content


def test_whom_a_row_is_from_tells_senders_apart() -> None:
    rows, ids = ListedRows(CIPHER), (None, UUID(int=1), UUID(int=2))
    senders = [
        {"business_id": business_id, "sender_id": sender_id, "sender_type": sender_type}
        for business_id in ids
        for sender_id in ids
        for sender_type in (None, "service", "admin")
    ]
    origins = {read(rows, a_row(uuid4(), **each)).content.origin for each in senders}
    assert len(origins) == len(senders)


def test_nothing_is_remembered_for_long() -> None:
    now_s = 0.0
    rows, row = ListedRows(CIPHER, timer=lambda: now_s), a_row(uuid4())
    first = read(rows, row).content
    now_s = REMEMBERED_FOR_S - 1
    assert read(rows, row).content is first
    now_s = REMEMBERED_FOR_S
    second = read(rows, row).content
    assert second is not first
    assert second.fields == first.fields


def test_what_is_long_is_not_remembered() -> None:
    rows, row = ListedRows(CIPHER), a_row(uuid4(), message="x" * LONGEST_REMEMBERED)
    first, second = read(rows, row).content, read(rows, row).content
    assert first is not second
    assert first.fields == second.fields == listed_of(row)
