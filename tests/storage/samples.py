"""Valid values of everything that is stored, to be changed where a test cares."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from rules.ids import event_key
from rules.lease import Lease
from storage.businesses import BusinessChange
from storage.events import NewEvent
from storage.notifications import NotificationRow

if TYPE_CHECKING:
    from storage.stores import Stores

KEY = bytes(range(32))
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)

OURS = Lease("here:8000", 3)
THEIRS = Lease("there:8000", 7)


def a_row(recipient_id: UUID, **changes: Any) -> NotificationRow:
    values: dict[str, Any] = {
        "id": uuid4(),
        "recipient_id": recipient_id,
        "event_id": uuid4(),
        "kind": "new_listing",
        "writer": "here:8000#3",
        "created_at": NOON,
        "floor": NOON,
        "in_app": True,
        "title": "Bread at Corner Bakery",
        "message": "Corner Bakery just posted Bread for R20.",
        "data": {"listing_id": "770g", "price": 20.5},
        "action_buttons": [{"text": "View Details", "action": "view_listing"}],
        "business_id": UUID(int=1),
        "channels": {"in_app": {"status": "delivered"}},
    }
    return NotificationRow(**(values | changes))


def an_event(**changes: Any) -> NewEvent:
    event_id = uuid4().hex
    sender = UUID(int=9)
    values: dict[str, Any] = {
        "key": event_key(sender, event_id),
        "sender": sender,
        "event_id": event_id,
        "type": "listing.created",
        "occurred_at": NOON,
        "data": {"listing_id": "770g", "price": 20.5},
        "lane": "fan_out",
    }
    return NewEvent(**(values | changes))


async def a_business(stores: Stores, **fields: Any) -> UUID:
    business_id = uuid4()
    known = {"owner_id": str(uuid4()), "name": "Corner Bakery"} | fields
    await stores.businesses.apply([BusinessChange(business_id, known, NOON)])
    return business_id
