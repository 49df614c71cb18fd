"""What a business offers, and listings that are removed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.storage.filled.asked import BAKERY, LATER, PURGE_AT, RETURNED, known_things
from tests.storage.samples import NOON

if TYPE_CHECKING:
    from collections.abc import Iterator

    from storage.client import Document


def documents() -> Iterator[Document]:
    rest = {"revision": 1, "purge_at": PURGE_AT}
    for n in range(RETURNED):
        yield {
            "_id": f"offered-{n}",
            "business_id": BAKERY,
            "expiry_date": LATER,
            "is_removed": False,
            "versions": {"details": NOON},
            **rest,
        }
    for listing_id, whose in known_things():
        yield {
            "_id": listing_id,
            "business_id": whose,
            "expiry_date": LATER,
            "is_removed": True,
            "versions": {"details": NOON},
            **rest,
        }
