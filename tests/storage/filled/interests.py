"""A user's interests in listings, and others'."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rules.ids import interest_id
from rules.slots import slot_of
from tests.storage.filled.asked import PURGE_AT, known_things
from tests.storage.samples import NOON

if TYPE_CHECKING:
    from collections.abc import Iterator

    from storage.client import Document


def documents() -> Iterator[Document]:
    for listing_id, user_id in known_things():
        yield {
            "_id": interest_id(listing_id, user_id),
            "listing_id": listing_id,
            "user_id": user_id,
            "slot": slot_of(user_id),
            "occurred_at": NOON,
            "purge_at": PURGE_AT,
        }
