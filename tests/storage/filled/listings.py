"""A business's listings, and others', which are removed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.storage.filled.asked import LATER, PURGE_AT, READER, known_things
from tests.storage.samples import NOON

if TYPE_CHECKING:
    from collections.abc import Iterator

    from storage.client import Document


def documents() -> Iterator[Document]:
    for listing_id, whose in known_things():
        yield {
            "_id": listing_id,
            "business_id": whose,
            "expiry_date": LATER,
            "is_removed": whose != READER,
            "versions": {"details": NOON},
            "revision": 1,
            "purge_at": PURGE_AT,
        }
