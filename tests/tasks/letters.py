"""Letters to send."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from tasks.letter import Letter, Party

NOTIFICATION = UUID("01a21781-46f5-71af-9b22-c10acde4cc39")
RECIPIENT = UUID("c0510000-0000-4000-8000-000000000001")
BAKERY = Party(id=UUID("b0510000-0000-4000-8000-000000000001"), name="Sunrise Bakery", logo=None)


def letter(**changes: Any) -> Letter:
    """Return a letter about a new listing, changed where a test cares."""
    values: dict[str, Any] = {
        "notification_id": NOTIFICATION,
        "recipient_id": RECIPIENT,
        "recipient_name": "Thandi Nkosi",
        "locale": "en",
        "timezone": "Africa/Johannesburg",
        "kind": "new_listing",
        "priority": "normal",
        "title": "Sourdough loaves at Sunrise Bakery",
        "message": "Sunrise Bakery just posted Sourdough loaves for R25.00. Collect at Long St.",
        "data": {
            "listing_id": "770g",
            "listing_name": "Sourdough loaves",
            "price": "25.00",
            "currency": "ZAR",
            "expiry_date": "2026-11-26T18:00:00Z",
            "pickup_location": "12 Long Street, Cape Town",
            "deep_link": "savenbiteguild://listing/770g",
        },
        "action_buttons": [
            {"text": "View Details", "action": "view_listing", "url": "/listings/770g"}
        ],
        "image_url": None,
        "business": BAKERY,
        "sender_name": "Nomsa Dlamini",
        "created_at": datetime(2026, 11, 26, 12, tzinfo=UTC),
        "unread_count": 3,
    }
    return Letter(**(values | changes))
