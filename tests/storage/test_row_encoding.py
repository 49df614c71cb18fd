"""Rows are stored as `to_document` says, whatever of them was encoded only once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import bson
from bson import CodecOptions, UuidRepresentation
from hypothesis import given
from hypothesis import strategies as st

from storage.encryption import FieldCipher
from storage.notification_rows import NotificationRow
from storage.row_encoding import encoded
from storage.sealing import opened
from tests.storage.samples import KEY, NOON, a_row

CIPHER = FieldCipher([KEY])
OPTIONS: CodecOptions[dict[str, Any]] = CodecOptions(
    uuid_representation=UuidRepresentation.STANDARD, tz_aware=True
)

DELIVERED = {"in_app": {"status": "delivered"}}
QUEUED = {**DELIVERED, "email": {"status": "queued", "due_at": NOON}}
EVERYWHERE: tuple[dict[str, Any], ...] = (
    {},
    {"title": "Cake", "message": "Kôkkies 🍪"},
    {"channels": QUEUED},
    {"in_app": False, "sender_id": UUID(int=5), "sender_type": "service"},
    {"is_read": True, "read_at": NOON, "template": "t", "campaign_id": UUID(int=6)},
    {"clicked_at": NOON, "clicked_action": None, "created_at": NOON + timedelta(milliseconds=1)},
    {"data": {"n": 1}},
    {"data": {"n": True}},
    {"data": {"n": 1.0}},
    {"data": {"confirmation_code": "ABC123"}},
    {"action_buttons": [{"text": "Call", "phone": "+27123456789"}]},
)


def another(row: NotificationRow) -> NotificationRow:
    """Return the same for somebody else, as what makes many of them does."""
    other = replace(row, id=uuid4(), recipient_id=uuid4())
    other.like = row.like or row
    return other


def decoded(rows: list[NotificationRow]) -> list[dict[str, Any]]:
    documents = [bson.decode(each.raw, OPTIONS) for each in encoded(rows, CIPHER)]
    return [opened(each, CIPHER) for each in documents]


@given(picked=st.lists(st.sampled_from(range(len(EVERYWHERE))), max_size=20))
def test_each_row_is_its_document(picked: list[int]) -> None:
    kinds = [a_row(uuid4(), channels=DELIVERED, **{"data": {}} | each) for each in EVERYWHERE[:2]]
    kinds += [replace(another(kinds[0]), **each) for each in EVERYWHERE[2:]]
    rows = [another(kinds[place]) for place in picked]
    stored = decoded(rows)
    assert stored == [row.to_document() for row in rows]
    assert [type(each["data"].get("n")) for each in stored] == [
        type(row.data.get("n")) for row in rows
    ]
    assert all(next(iter(each)) == "_id" for each in stored)


def test_what_is_secret_is_encrypted_for_each_recipient() -> None:
    first = a_row(uuid4(), data={"confirmation_code": "ABC123"})
    rows = [first, another(first)]
    sealed = [bson.decode(each.raw, OPTIONS)["data"] for each in encoded(rows, CIPHER)]
    assert sealed[0] != sealed[1]
    assert b"ABC123" not in b"".join(each.raw for each in encoded(rows, CIPHER))
    assert [each["data"] for each in decoded(rows)] == [row.data for row in rows]
