"""Several reads of a collection, one after another on one thread of the driver's.

Each operation of the asynchronous driver goes to a thread and back, and reading what a cursor found
does so again: for two small reads that is more than they cost themselves. It is worth it where many
reads wait together; whoever has one asks `StoreCollection`.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from pymongo.errors import NetworkTimeout

from storage.client import OPERATION_TIMEOUT_MS, Document

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pymongo.collection import Collection


class OneHop:
    """The collection as the thread has it, until nobody waits for it any more."""

    def __init__(self, collection: Collection[Document], *, until_s: float) -> None:
        """Take the collection, and until when by the monotonic clock anything is begun."""
        self._collection = collection
        self._until_s = until_s

    def find(self, query: Mapping[str, Any], projection: Mapping[str, Any]) -> list[Document]:
        """Return all documents that match; who asks bounds how many those can be."""
        self._check()
        found = self._collection.find(query, projection, max_time_ms=OPERATION_TIMEOUT_MS)
        return list(found)

    def count(self, query: Mapping[str, Any]) -> int:
        """Return how many documents match."""
        self._check()
        return self._collection.count_documents(query, maxTimeMS=OPERATION_TIMEOUT_MS)

    def _check(self) -> None:
        if time.monotonic() > self._until_s:
            raise NetworkTimeout("nobody waits for it any more")
