"""The few operations that repositories are built of, each with a deadline and one kind of error.

Rules that keep both stores quick. On the embedded one a filter that no index covers whole is served
by its first clause that has an index, so filters name the most selective clause first; a hint walks
the whole index, so there are none; and findAndModify scans the collection (30,000 rows: 670 ms, a
plain update 2 ms) and may answer with what it saw before others changed it, so what an update found
is read before, and guarded by a revision, or read after. On a sharded one an update names `_id` or
the whole shard key.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from bson import CodecOptions, UuidRepresentation
from bson.raw_bson import RawBSONDocument
from pymongo.errors import BulkWriteError, DuplicateKeyError
from pymongo.read_preferences import SecondaryPreferred

from storage.client import CALL_DEADLINE_S, OPERATION_TIMEOUT_MS, StoreClient, store_call

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
    from uuid import UUID

    from motor.motor_asyncio import AsyncIOMotorCollection
    from pymongo import UpdateOne
    from pymongo.asynchronous.collection import AsyncCollection

    from rules.batching import BatchSizer
    from storage.client import Document

BATCH_ROWS = 1_000
"""Rows of one reply; the default of 101 would cost a batch of recipients several round trips."""

IDS_AT_ONCE = 50
"""Ids in one `$in`. The embedded store compares each row with each id: 500 users took 110 to 140 ms
in portions of 25 or 50, and 850 ms at once."""

UPDATES_AT_ONCE = 50
"""Of one round trip. The embedded store took 3 ms for each of a bulk's upserts, and 5 to 13 ms for
each outcome of a delivery: 100 of these at once met the deadline of a call on a busy machine."""

ENCODED: CodecOptions[RawBSONDocument] = CodecOptions(
    document_class=RawBSONDocument, uuid_representation=UuidRepresentation.STANDARD, tz_aware=True
)
"""What is found stays as the store sent it."""

MOST_LAG_S = 90
"""How far behind a secondary may be that answers: the least that MongoDB can be asked for."""

Item = TypeVar("Item")

Update = Mapping[str, Any] | Sequence[Mapping[str, Any]]
"""Operators, or the stages of a pipeline."""


def portions(items: Iterable[Item], size: int = IDS_AT_ONCE) -> Iterator[list[Item]]:
    """Cut `items` into lists of at most `size`: of what one `$in` takes."""
    rest = iter(items)
    while some := list(islice(rest, size)):
        yield some


class StoreCollection:
    """A collection whose every operation ends in time or raises StoreUnavailable."""

    def __init__(self, collection: AsyncIOMotorCollection[Document]) -> None:
        # Motor's types take it for a collection.
        client: object = collection.database.client
        assert isinstance(client, StoreClient)
        self._collection = collection
        self._turns = client.turns
        self._driver: AsyncCollection[Document] = client.driver[collection.database.name][
            collection.name
        ].with_options(collection.codec_options, collection.read_preference)

    def lagging(self) -> StoreCollection:
        """Return the same, as secondaries have it, where there are any: for lists and counts.

        What decides something, or reads again what was just written, asks the primary.
        """
        return StoreCollection(
            self._collection.with_options(
                # Motor's types know the class of constants only.
                read_preference=SecondaryPreferred(max_staleness=MOST_LAG_S)  # type: ignore[arg-type]
            )
        )

    def encoded(self) -> StoreCollection:
        """Return the same, which finds `RawBSONDocument`s: for who knows how to decode them."""
        return StoreCollection(self._collection.with_options(codec_options=ENCODED))

    async def _run(self, operation: Callable[[], Awaitable[Item]]) -> Item:
        """Return what `operation` asks the driver for; it is begun when it is its turn."""
        async with store_call(), self._turns:
            return await operation()

    async def find_one(
        self, query: Mapping[str, Any], projection: Mapping[str, Any] | None = None
    ) -> Document | None:
        """Return a document that matches."""
        return await self._run(
            lambda: self._driver.find_one(query, projection, max_time_ms=OPERATION_TIMEOUT_MS)
        )

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
        cursor = self._driver.find(
            query,
            projection,
            sort=sort,
            skip=skip,
            limit=limit or 0,
            batch_size=BATCH_ROWS,
            max_time_ms=OPERATION_TIMEOUT_MS,
        )
        return await self._run(cursor.to_list)

    async def find_raw(
        self,
        query: Mapping[str, Any],
        projection: Mapping[str, Any] | None = None,
        *,
        limit: int | None = None,
    ) -> bytes:
        """Return all documents that match as the store sends them, one behind the other."""
        cursor = self._driver.find_raw_batches(
            query,
            projection,
            limit=limit or 0,
            batch_size=BATCH_ROWS,
            max_time_ms=OPERATION_TIMEOUT_MS,
        )
        # The driver's types have it that these are documents.
        batches: list[Any] = await self._run(cursor.to_list)
        return b"".join(batches)

    async def find_all(
        self, query: Mapping[str, Any], projection: Mapping[str, Any] | None = None
    ) -> AsyncIterator[list[Document]]:
        """Yield all documents that match, some at a time, however many there are."""
        cursor = self._driver.find(query, projection, batch_size=BATCH_ROWS)
        try:
            while some := await self._run(lambda: cursor.to_list(BATCH_ROWS)):
                yield some
        finally:
            await self._run(cursor.close)

    async def find_by_id(
        self,
        ids: Iterable[UUID | bytes | str],
        also: Mapping[str, Any],
        projection: Mapping[str, Any] | None = None,
    ) -> list[Document]:
        """Return the documents of `ids` that match `also`, in no order."""
        found: list[Document] = []
        for some in portions(ids):
            found += await self.find({"_id": {"$in": some}, **also}, projection)
        return found

    async def count(self, query: Mapping[str, Any], *, most: int | None = None) -> int:
        """Return how many documents match, `most` when there are that many or more."""
        bound: dict[str, Any] = {} if most is None else {"limit": most}
        return await self._run(
            lambda: self._driver.count_documents(query, maxTimeMS=OPERATION_TIMEOUT_MS, **bound)
        )

    async def aggregate(self, pipeline: Sequence[Mapping[str, Any]]) -> list[Document]:
        """Return all results of `pipeline`."""

        async def results() -> list[Document]:
            found = await self._driver.aggregate(pipeline, maxTimeMS=OPERATION_TIMEOUT_MS)
            return await found.to_list()

        return await self._run(results)

    async def insert_new(self, documents: Sequence[Document | RawBSONDocument]) -> list[int]:
        """Insert those whose `_id` is not there yet; return the places of the others.

        Any other failure raises, with whatever part inserted.
        """
        try:
            await self._run(lambda: self._driver.insert_many(documents, ordered=False))
        except BulkWriteError as error:
            return [failure["index"] for failure in error.details["writeErrors"]]
        return []

    async def insert_in_portions(
        self,
        documents: Sequence[Document | RawBSONDocument],
        sizer: BatchSizer,
        *,
        deadline_s: float = CALL_DEADLINE_S,
    ) -> list[int]:
        """Do the same, in portions that others who ask the store can wait for.

        All have the time of one call: positions are given before the first is inserted, and
        readers look back no further than a call takes (`LATEST_WRITE_S`).
        """
        known: list[int] = []
        first = 0
        async with store_call(deadline_s):
            while first < len(documents):
                some = documents[first : first + sizer.rows]
                began = time.monotonic()
                known += [first + place for place in await self.insert_new(some)]
                # What few rows take is mostly the round trip.
                if len(some) == sizer.rows:
                    sizer.observe(len(some), time.monotonic() - began)
                first += len(some)
        return known

    async def update_one(self, query: Mapping[str, Any], update: Update) -> bool:
        """Update a document that matches; tell whether there was one."""
        result = await self._run(lambda: self._driver.update_one(query, update))
        return result.matched_count == 1

    async def update_many(self, query: Mapping[str, Any], update: Update) -> int:
        """Update all documents that match; return how many changed."""
        result = await self._run(lambda: self._driver.update_many(query, update))
        return result.modified_count

    async def update_by_id(
        self, ids: Iterable[UUID], also: Mapping[str, Any], update: Update
    ) -> int:
        """Update those documents of `ids` that match `also`; return how many changed."""
        changed = 0
        for some in portions(ids):
            changed += await self.update_many({"_id": {"$in": some}, **also}, update)
        return changed

    async def insert_if_absent(self, key: Mapping[str, Any], fields: Mapping[str, Any]) -> None:
        """Insert a document of `key` and `fields` unless there is one of `key`."""
        # Of several at once, all but one may fail with this, and have what they wanted.
        with suppress(DuplicateKeyError):
            await self._run(
                lambda: self._driver.update_one(key, {"$setOnInsert": fields}, upsert=True)
            )

    async def delete_one(self, query: Mapping[str, Any]) -> bool:
        """Delete a document that matches; tell whether there was one."""
        result = await self._run(lambda: self._driver.delete_one(query))
        return result.deleted_count == 1

    async def delete_many(self, query: Mapping[str, Any]) -> int:
        """Delete all documents that match; return how many there were."""
        result = await self._run(lambda: self._driver.delete_many(query))
        return result.deleted_count

    async def bulk_update(self, updates: Iterable[UpdateOne], *, is_ordered: bool = True) -> int:
        """Carry out `updates`, many in one round trip; return how many changed.

        In their order, unless that is the same to who asks: shards then work side by side.
        """
        changed = 0
        for some in portions(updates, UPDATES_AT_ONCE):
            result = await self._run(partial(self._driver.bulk_write, some, ordered=is_ordered))
            changed += result.modified_count
        return changed
