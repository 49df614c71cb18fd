"""Open the store, and say in one place when it cannot be reached.

Errors: `StoreRefused`, and `StoreUnavailable` for every way in which the store did not answer in
time. What was asked may have happened all the same; everything here may be asked again.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import AsyncMongoClient
from pymongo.errors import (
    BulkWriteError,
    ConnectionFailure,
    DuplicateKeyError,
    OperationFailure,
    PyMongoError,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from motor.motor_asyncio import AsyncIOMotorDatabase
    from pymongo.asynchronous.database import AsyncDatabase

Document = dict[str, Any]

# Not pymongo's `timeoutMS`: with it, a store that is gone is waited for until the very end.
SERVER_SELECTION_TIMEOUT_MS = 2_000
CONNECT_TIMEOUT_MS = 2_000
CONNECTION_WAIT_TIMEOUT_MS = 3_000
OPERATION_TIMEOUT_MS = 6_000
"""One round trip; a batch of a fan-out is meant to take 50."""

CALL_DEADLINE_S = 8.0
"""How long a caller waits, retries and the wait for a turn and a connection included."""

CARRIED_OUT_WITHIN_S = 10.0
"""How long the store may take for what it has been sent; who waits for it gives up before."""

LATEST_WRITE_S = 2 * CALL_DEADLINE_S + CARRIED_OUT_WITHIN_S
"""How long after being asked for a write may still happen: it waited a whole call for the batch
before, and was sent at the deadline of its own."""

PING_DEADLINE_S = CALL_DEADLINE_S
"""That a store is not there is known after two seconds; one that is busy has this long."""

CLOSE_WITHIN_S = 2.0
"""Sessions are ended in the store."""

WRITE_CONFLICT = 112
DUPLICATE_KEY = 11000
NOT_PRIMARY_CODES = frozenset({91, 189, 10107, 11600, 11602, 13435, 13436})


class StoreUnavailable(Exception):
    """The store did not answer, or not in time, or has no primary just now."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"the store is unavailable: {reason}")
        self.reason = reason


class StoreRefused(Exception):
    """The store understood what it was asked and would not do it: a fault of ours."""

    def __init__(self, reason: str, code: int | None) -> None:
        super().__init__(f"the store refused: {reason}, code {code}")
        self.reason = reason
        self.code = code


OPERATIONS_AT_ONCE = 32
"""Of one client: where a store is slow, more would make each wait longer, and serve no more."""


class StoreClient(AsyncIOMotorClient[Document]):
    """Motor's client, and beside it the driver's own, by which operations on collections go.

    Motor opens connections for what the schema needs only: indexes. Closed by `aclose()`.
    """

    def __init__(self, uri: str, **options: Any) -> None:
        super().__init__(uri, socketTimeoutMS=OPERATION_TIMEOUT_MS, **options)
        # Without a timeout of the socket's: with one the driver writes by `asyncio.wait_for`, which
        # may lose a cancellation before Python 3.12. Every call has a deadline of its own.
        self.driver: AsyncMongoClient[Document] = AsyncMongoClient(
            uri, socketTimeoutMS=0, **options
        )
        connections = self.delegate.options.pool_options.max_pool_size or OPERATIONS_AT_ONCE
        # In the order they came: of those who wait for a connection in the driver, who comes last
        # may be first, and of forty lists at once some waited until their time was over.
        self.turns = asyncio.Semaphore(min(OPERATIONS_AT_ONCE, connections))

    async def aclose(self) -> None:
        """Close its connections; what is under way fails. A store that hangs is not waited for."""
        self.close()
        try:
            async with asyncio.timeout(CLOSE_WITHIN_S):
                await self.driver.close()
        except TimeoutError:
            # Its sessions are given up by now, and nothing else is asked of the store.
            await self.driver.close()


def open_client(uri: str, *, app_name: str, **options: Any) -> StoreClient:
    """Return a client for `uri`; it connects when first used and is closed by its `aclose()`.

    A write is acknowledged once a majority has it in the journal. Reads go to the primary, whatever
    the URI says: who can do with less says so (storage/collection.py). Pool sizes are the URI's.
    It belongs to the loop on which it is first used.
    """
    return StoreClient(
        uri,
        appname=app_name,
        uuidRepresentation="standard",
        tz_aware=True,
        readPreference="primary",
        # What else a URI may say of it, and what the primary cannot be combined with.
        readPreferenceTags="",
        maxStalenessSeconds=-1,
        w="majority",
        journal=True,
        waitQueueTimeoutMS=CONNECTION_WAIT_TIMEOUT_MS,
        connectTimeoutMS=CONNECT_TIMEOUT_MS,
        serverSelectionTimeoutMS=SERVER_SELECTION_TIMEOUT_MS,
        # Otherwise each client has a connection more, by which it waits to be told of a failover;
        # an operation that meets one has the driver look at once.
        serverMonitoringMode="poll",
        **options,
    )


@asynccontextmanager
async def store_call(deadline_s: float = CALL_DEADLINE_S) -> AsyncIterator[None]:
    """Bound what is awaited inside, and raise StoreUnavailable when the store is out of reach."""
    try:
        async with asyncio.timeout(deadline_s):
            yield
    except TimeoutError:
        raise StoreUnavailable("deadline") from None
    except PyMongoError as error:
        if _is_unavailability(error):
            raise StoreUnavailable(type(error).__name__) from None
        if _is_duplicate(error):
            raise
        # Without its cause, whose text holds whole documents.
        code = error.code if isinstance(error, OperationFailure) else None
        raise StoreRefused(type(error).__name__, code) from None


async def ping(database: AsyncIOMotorDatabase[Document]) -> None:
    """Return when the store answers; raise StoreUnavailable when it does not."""
    async with store_call(PING_DEADLINE_S):
        await driver_of(database).command("ping")


def driver_of(database: AsyncIOMotorDatabase[Document]) -> AsyncDatabase[Document]:
    """Return the same database as the driver has it."""
    # Motor's types take it for a collection.
    client: object = database.client
    assert isinstance(client, StoreClient)
    return client.driver[database.name]


def _is_duplicate(error: PyMongoError) -> bool:
    """Tell whether nothing is wrong but that what was inserted is there already."""
    if isinstance(error, BulkWriteError):
        return all(each.get("code") == DUPLICATE_KEY for each in error.details["writeErrors"])
    return isinstance(error, DuplicateKeyError)


def _is_unavailability(error: PyMongoError) -> bool:
    if isinstance(error, ConnectionFailure) or error.timeout:
        return True
    if isinstance(error, BulkWriteError):
        details = error.details or {}
        codes = {each.get("code") for each in details.get("writeErrors", ())}
        # Written, but not known to be durable.
        if details.get("writeConcernErrors"):
            return True
        return not codes.isdisjoint(NOT_PRIMARY_CODES | {WRITE_CONFLICT})
    if isinstance(error, OperationFailure):
        return error.code in NOT_PRIMARY_CODES or error.code == WRITE_CONFLICT
    return False
