"""The few operations that repositories are built of, each with a deadline and one kind of error.

Two rules keep queries fast on both stores. On the embedded one a filter that no index covers
whole is served by its first clause that has an index, so filters name the most selective clause
first; and a hint walks the whole index, so there are none. On a sharded one an update names `_id`
or the whole shard key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pymongo import ReturnDocument
from pymongo.errors import BulkWriteError, DuplicateKeyError

from storage.client import Document, store_call

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from motor.motor_asyncio import AsyncIOMotorCollection
    from pymongo import UpdateOne

DUPLICATE_KEY = 11000
BATCH_ROWS = 1_000
"""Rows of one reply; the default of 101 would cost a batch of recipients several round trips."""

UPSERT_ATTEMPTS = 3
"""Two upserts of one key may both decide to insert; the loser finds the row when it tries again."""


class StoreCollection:
    """A collection whose every operation ends in time or raises StoreUnavailable."""

    def __init__(self, collection: AsyncIOMotorCollection[Document]) -> None:
        self._collection = collection

    async def find_one(
        self, query: Mapping[str, Any], projection: Mapping[str, Any] | None = None
    ) -> Document | None:
        """Return a document that matches."""
        async with store_call():
            return await self._collection.find_one(query, projection)

    async def find(
        self,
        query: Mapping[str, Any],
        projection: Mapping[str, Any] | None = None,
        *,
        sort: Sequence[tuple[str, int]] | None = None,
        skip: int = 0,
        limit: int | None = None,
    ) -> list[Document]:
        """Return all documents that match; who asks bounds how many those can be."""
        async with store_call():
            cursor = self._collection.find(
                query, projection, sort=sort, skip=skip, limit=limit or 0, batch_size=BATCH_ROWS
            )
            return await cursor.to_list(None)

    async def count(self, query: Mapping[str, Any]) -> int:
        """Return how many documents match."""
        async with store_call():
            return await self._collection.count_documents(query)

    async def aggregate(self, pipeline: Sequence[Mapping[str, Any]]) -> list[Document]:
        """Return all results of `pipeline`."""
        async with store_call():
            return await self._collection.aggregate(pipeline).to_list(None)

    async def insert_new(self, documents: Sequence[Document]) -> list[int]:
        """Insert those whose `_id` is not there yet; return the places of the others.

        Any other failure raises, with whatever part inserted.
        """
        try:
            async with store_call():
                await self._collection.insert_many(documents, ordered=False)
        except BulkWriteError as error:
            failures = error.details["writeErrors"]
            if any(failure["code"] != DUPLICATE_KEY for failure in failures):
                raise
            return [failure["index"] for failure in failures]
        return []

    async def update_one(
        self,
        query: Mapping[str, Any],
        update: Mapping[str, Any] | Sequence[Mapping[str, Any]],
    ) -> bool:
        """Update a document that matches; tell whether there was one."""
        async with store_call():
            result = await self._collection.update_one(query, update)
            return result.matched_count == 1

    async def update_many(self, query: Mapping[str, Any], update: Mapping[str, Any]) -> int:
        """Update all documents that match; return how many changed."""
        async with store_call():
            result = await self._collection.update_many(query, update)
            return result.modified_count

    async def find_one_and_update(
        self,
        query: Mapping[str, Any],
        update: Mapping[str, Any],
        projection: Mapping[str, Any],
    ) -> Document | None:
        """Update a document that matches and return it as it is then."""
        async with store_call():
            updated: Document | None = await self._collection.find_one_and_update(
                query, update, projection, return_document=ReturnDocument.AFTER
            )
            return updated

    async def upsert_one(
        self,
        query: Mapping[str, Any],
        update: Mapping[str, Any] | Sequence[Mapping[str, Any]],
        *,
        returns: bool = ReturnDocument.AFTER,
    ) -> Document:
        """Update the document that matches, or insert it; return it as it is then.

        Or as it was before, and empty when it was not.
        """
        for attempt in range(UPSERT_ATTEMPTS):
            try:
                async with store_call():
                    found: Document | None = await self._collection.find_one_and_update(
                        query, update, return_document=returns, upsert=True
                    )
                    return found or {}
            except DuplicateKeyError:
                if attempt == UPSERT_ATTEMPTS - 1:
                    raise
        raise AssertionError("the last attempt returns or raises")

    async def bulk_update(self, updates: Sequence[UpdateOne]) -> None:
        """Carry out `updates` in their order, in one round trip."""
        async with store_call():
            await self._collection.bulk_write(updates, ordered=True)
