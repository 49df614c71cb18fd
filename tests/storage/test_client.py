from __future__ import annotations

import asyncio
import time
import traceback
from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from pymongo import ReadPreference
from pymongo.errors import (
    AutoReconnect,
    BulkWriteError,
    DuplicateKeyError,
    ExecutionTimeout,
    NetworkTimeout,
    NotPrimaryError,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
    WaitQueueTimeoutError,
    WTimeoutError,
)

from actors.sync import LOOK_BACK
from rules.batching import BatchSizer
from storage.client import (
    LATEST_WRITE_S,
    OPERATIONS_AT_ONCE,
    StoreClient,
    StoreRefused,
    StoreUnavailable,
    open_client,
    ping,
    store_call,
)
from storage.collection import StoreCollection

if TYPE_CHECKING:
    from motor.motor_asyncio import AsyncIOMotorDatabase

    from storage.client import Document


def write_error(code: int) -> dict[str, object]:
    return {"index": 0, "code": code, "errmsg": ""}


@pytest.mark.parametrize(
    "trouble",
    [
        ServerSelectionTimeoutError("no server"),
        AutoReconnect("connection closed"),
        NetworkTimeout("timed out"),
        NotPrimaryError("stepped down"),
        WaitQueueTimeoutError("no connection free"),
        WTimeoutError("not by a majority"),
        ExecutionTimeout("maxTimeMS", 50),
        OperationFailure("interrupted", 11602),
        OperationFailure("write conflict", 112),
        BulkWriteError({"writeErrors": [write_error(11000), write_error(10107)]}),
        BulkWriteError({"writeErrors": [], "writeConcernErrors": [{"code": 91}]}),
    ],
    ids=repr,
)
async def test_every_way_of_being_out_of_reach_is_one_error(trouble: PyMongoError) -> None:
    with pytest.raises(StoreUnavailable) as caught:
        async with store_call():
            raise trouble
    assert caught.value.reason == type(trouble).__name__


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (OperationFailure("bad: anna@example.org", 2), 2),
        (BulkWriteError({"writeErrors": [write_error(11000), write_error(121)]}), 65),
        (PyMongoError("anna@example.org"), None),
    ],
    ids=repr,
)
async def test_a_fault_of_ours_is_no_store_out_of_reach_and_tells_nothing_of_documents(
    fault: PyMongoError, code: int | None
) -> None:
    with pytest.raises(StoreRefused) as caught:
        async with store_call():
            raise fault
    assert (caught.value.reason, caught.value.code) == (type(fault).__name__, code)
    told = "".join(traceback.format_exception(caught.value))
    assert "anna" not in told


@pytest.mark.parametrize(
    "known",
    [
        DuplicateKeyError("E11000", 11000),
        BulkWriteError({"writeErrors": [write_error(11000), write_error(11000)]}),
    ],
    ids=repr,
)
async def test_that_something_is_there_already_is_the_callers_to_judge(known: PyMongoError) -> None:
    with pytest.raises(type(known)):
        async with store_call():
            raise known


async def test_a_call_that_waits_too_long_ends() -> None:
    began = time.monotonic()
    with pytest.raises(StoreUnavailable, match="deadline"):
        async with store_call(0.02):
            await asyncio.Event().wait()
    assert time.monotonic() - began < 5


def test_a_write_happens_within_what_readers_look_back() -> None:
    assert timedelta(seconds=LATEST_WRITE_S) <= LOOK_BACK


class Slow(StoreCollection):
    """Takes 10 ms for each row."""

    async def insert_new(self, documents: Sequence[object]) -> list[int]:
        await asyncio.sleep(0.01 * len(documents))
        return []


async def test_all_portions_of_an_insert_have_the_time_of_one_call(
    database: AsyncIOMotorDatabase[Document],
) -> None:
    sizer = BatchSizer(fewest=1)
    sizer.rows = 1
    with pytest.raises(StoreUnavailable, match="deadline"):
        await Slow(database["rows"]).insert_in_portions([{}] * 100, sizer, deadline_s=0.1)


async def test_a_store_that_answers_is_pinged(database: AsyncIOMotorDatabase[Document]) -> None:
    await ping(database)


async def test_writes_are_acknowledged_by_a_majority_and_journalled(
    database: AsyncIOMotorDatabase[Document],
) -> None:
    assert database.write_concern.document == {"w": "majority", "j": True}


async def test_a_document_is_inserted_once_however_many_do_so_at_once(
    database: AsyncIOMotorDatabase[Document],
) -> None:
    collection = StoreCollection(database["counters"])
    for _ in range(5):
        key = {"_id": uuid4()}
        await asyncio.gather(
            *(collection.insert_if_absent({**key, "a": 1}, {"n": n}) for n in range(8))
        )
        (found,) = await collection.find(key)
        assert found["n"] in range(8)
        # Found by its id, and not by its key: refused by the store, and no concern of the caller.
        await collection.insert_if_absent({**key, "a": 2}, {"n": 9})
        assert await collection.find(key) == [found]


async def test_a_partly_failed_insert_that_is_no_duplicate_raises(
    database: AsyncIOMotorDatabase[Document],
) -> None:
    await database.create_collection("strict", validator={"$jsonSchema": {"required": ["a"]}})
    collection = StoreCollection(database["strict"])
    with pytest.raises(StoreRefused):
        await collection.insert_new([{"_id": 1, "a": 1}, {"_id": 1, "a": 1}, {"_id": 2}])
    assert await collection.find({}) == [{"_id": 1, "a": 1}]


@pytest.mark.parametrize(
    "preference",
    [
        "readPreference=secondary",
        "readPreference=secondaryPreferred&maxStalenessSeconds=120",
        "readPreference=nearest&readPreferenceTags=dc:east&readPreferenceTags=",
    ],
)
async def test_what_decides_asks_the_primary_whatever_the_uri_says(
    mongodb_uri: str, preference: str
) -> None:
    client = open_client(f"{mongodb_uri}&{preference}", app_name="tests")
    assert client["any"]["users"].read_preference == ReadPreference.PRIMARY
    await client.aclose()


@pytest.mark.parametrize(
    ("pool", "most"),
    [
        ("maxPoolSize=5", 5),
        ("maxPoolSize=100", OPERATIONS_AT_ONCE),
        ("maxPoolSize=0", OPERATIONS_AT_ONCE),
    ],
)
async def test_a_client_does_as_much_at_once_as_it_has_connections_and_no_more_than_is_of_use(
    pool: str, most: int
) -> None:
    client = open_client(f"mongodb://127.0.0.1:1/?{pool}", app_name="tests")
    at_once = 0
    while not client.turns.locked():
        await client.turns.acquire()
        at_once += 1
    assert at_once == most
    await client.aclose()


async def test_what_is_cancelled_before_its_turn_is_not_begun(
    database: AsyncIOMotorDatabase[Document],
) -> None:
    rows, client = StoreCollection(database["turns"]), database.client
    assert isinstance(client, StoreClient)
    async with AsyncExitStack() as held:
        while not client.turns.locked():
            await held.enter_async_context(client.turns)
        given_up = asyncio.create_task(rows.insert_new([{"_id": "given up"}]))
        waiting = asyncio.create_task(rows.insert_new([{"_id": "waits"}]))
        await asyncio.sleep(0)
        given_up.cancel()
    await waiting
    assert given_up.cancelled()
    assert await rows.find({}) == [{"_id": "waits"}]
