"""A user's pickups, and others'."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.storage.filled.asked import BAKERY, LATER, PURGE_AT, known_things

if TYPE_CHECKING:
    from collections.abc import Iterator

    from storage.client import Document


def documents() -> Iterator[Document]:
    for interaction_id, user_id in known_things():
        yield {
            "_id": interaction_id,
            "user_id": user_id,
            "business_id": BAKERY,
            "status": "scheduled",
            "pickup_time": LATER,
            "order_number": "1",
            "pickup_location": "here",
            "revision": 1,
            "purge_at": PURGE_AT,
        }
