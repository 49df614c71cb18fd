"""What one operator did, and what others did."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING
from uuid import UUID

from tests.storage.filled.asked import LONG_AGO, OTHERS, OWNER, RETURNED, SHARE
from tests.storage.samples import NOON, SECOND

if TYPE_CHECKING:
    from collections.abc import Iterator

    from storage.client import Document


def documents() -> Iterator[Document]:
    for n in count():
        is_asked = n < RETURNED
        by = OWNER if is_asked else UUID(int=OTHERS + n)
        yield {
            "_id": UUID(int=n),
            "at": (NOON if is_asked else LONG_AGO) + n % SHARE * SECOND,
            "actor": by,
            "actor_type": "admin",
            "action": "asked" if is_asked else "other",
            "target": "t",
            "ip": "::1",
            "request_id": "r",
            "details": {},
        }
