"""Removed listings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.storage.filled.asked import PURGE_AT, known_things

if TYPE_CHECKING:
    from collections.abc import Iterator

    from storage.client import Document


def documents() -> Iterator[Document]:
    for listing_id, _ in known_things():
        yield {"_id": listing_id, "is_removed": True, "revision": 1, "purge_at": PURGE_AT}
