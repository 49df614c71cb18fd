"""Keys of others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.storage.filled.asked import PURGE_AT, others

if TYPE_CHECKING:
    from collections.abc import Iterator

    from storage.client import Document


def documents() -> Iterator[Document]:
    for key in others():
        yield {"_id": key, "purge_at": PURGE_AT}
