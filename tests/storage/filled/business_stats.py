"""Counts of one day of the businesses that are known, and of others on other days."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from rules.days import starts_at
from tests.storage.filled.asked import KNOWN, STATS_DAY, others

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from storage.client import Document

NO_COUNTS = {"received": 0, "read": 0, "clicked": 0, "reads": [], "version": 2}
NEXT_DAY = STATS_DAY + timedelta(days=1)


def documents() -> Iterator[Document]:
    yield from of_known_businesses()
    for business_id in others():
        yield {
            "_id": f"{business_id}:{NEXT_DAY.isoformat()}",
            "day": starts_at(NEXT_DAY),
            **NO_COUNTS,
        }


def of_known_businesses() -> Iterator[Document]:
    yield from (_of(business_id) for business_id in KNOWN)


def _of(business_id: UUID) -> Document:
    name = f"{business_id}:{STATS_DAY.isoformat()}"
    return {"_id": name, "day": starts_at(STATS_DAY), **NO_COUNTS}
