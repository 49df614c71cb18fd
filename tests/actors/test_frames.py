"""What goes over a socket."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from actors import frames
from actors.frames import Announcement
from storage.businesses import Business
from storage.names import Names
from storage.notifications import NotificationRow
from storage.users import Name
from tests.storage.samples import a_row

OWNER = UUID(int=2)
BAKERY = Business(
    id=UUID(int=1),
    owner_id=OWNER,
    name="Corner Bakery",
    logo="https://example.org/logo.png",
    address=None,
    rating=None,
    followers_count=3,
)
CARD = {"id": str(BAKERY.id), "name": "Corner Bakery", "logo": "https://example.org/logo.png"}
NAMES = Names({OWNER: Name("Nomsa", "provider")}, {BAKERY.id: BAKERY})
AT = datetime(2026, 11, 22, 12, 0, 0, 5_000, UTC)


def row(**changes: Any) -> NotificationRow:
    return a_row(uuid4(), **{"created_at": AT, "sender_id": OWNER, **changes})


def test_an_announcement_is_a_notification_new_frame() -> None:
    told = row()
    frame = json.loads(Announcement(told, NAMES).frame(told.id, 7))
    assert frame == {
        "type": "notification.new",
        "data": {
            "notification_id": str(told.id),
            "notification_type": "new_listing",
            "title": told.title,
            "message": told.message,
            "sender": {"name": "Corner Bakery", "logo": "https://example.org/logo.png"},
            "business": CARD,
            "data": {"listing_id": "770g", "price": 20.5},
            "action_buttons": [{"text": "View Details", "action": "view_listing"}],
            "image_url": None,
            "priority": "normal",
            "created_at": "2026-11-22T12:00:00.005Z",
            "unread_count": 7,
        },
    }


@pytest.mark.parametrize(
    ("changes", "sender", "business"),
    [
        ({"sender_id": None}, None, CARD),
        ({"business_id": None, "sender_id": None}, None, None),
        ({"business_id": UUID(int=9)}, {"name": "Nomsa", "logo": None}, None),
        ({"business_id": None}, {"name": "Nomsa", "logo": None}, None),
        ({"sender_id": UUID(int=8)}, {"name": None, "logo": None}, CARD),
    ],
    ids=["no sender", "nobody", "unknown business", "a person", "unknown person"],
)
def test_senders_and_businesses_are_resolved_when_shown(
    changes: dict[str, Any], sender: Any, business: Any
) -> None:
    content = json.loads(frames.to_json(frames.notification_content(row(**changes), NAMES)))
    assert content["sender"] == sender
    assert content["business"] == business


def test_html_in_a_text_stays_text() -> None:
    told = row(title='<script>"&\u2028')
    frame = json.loads(Announcement(told, NAMES).frame(told.id, 0))
    assert frame["data"]["title"] == '<script>"&\u2028'


def test_a_ref_stands_beside_the_type_only_when_given() -> None:
    assert json.loads(frames.pong("a")) == {"type": "pong", "ref": "a"}
    assert json.loads(frames.pong(None)) == {"type": "pong"}
    assert json.loads(frames.pong(0)) == {"type": "pong", "ref": 0}


def test_errors_stand_where_either_reading_of_the_contract_looks() -> None:
    error = {"code": "VALIDATION_ERROR", "message": "no", "details": {}}
    frame = json.loads(frames.client_error(error, None))
    assert frame == {"type": "error", "data": error, "error": error}
    refused = json.loads(frames.authentication_failed(error))
    assert refused == {"type": "authentication_failed", "error": error}


def test_a_synced_notification_is_what_was_announced_and_its_state() -> None:
    told = replace(row(), is_read=True)
    announced = json.loads(Announcement(told, NAMES).frame(told.id, 0))["data"]
    synced = json.loads(frames.to_json(frames.synced_notification(told, NAMES)))
    del announced["unread_count"]
    assert synced == {**announced, "id": str(told.id), "is_read": True}
