"""What one user uploaded and nobody used, and what others did."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING
from uuid import UUID

from tests.storage.filled.asked import LATER, OTHERS, OWNER, RETURNED
from tests.storage.samples import NOON

if TYPE_CHECKING:
    from collections.abc import Iterator

    from storage.client import Document

OVERDUE = [UUID(int=97_000_000 + n) for n in range(RETURNED)]


def documents() -> Iterator[Document]:
    for n in count():
        is_asked = n < RETURNED
        yield {
            "_id": OVERDUE[n] if is_asked else UUID(int=OTHERS + n),
            "owner": OWNER if is_asked else UUID(int=OTHERS + n),
            "content_type": "image/png",
            "size_bytes": 9,
            "status": "pending" if is_asked else "checked",
            "created_at": NOON,
            "expires_at": NOON,
            "purge_at": NOON if is_asked else LATER,
        }
