from __future__ import annotations

import asyncio
import time
import traceback
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from uuid import uuid4

import pymongo
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
from storage.encryption import FieldCipher
from storage.indexes import ensure_indexes
from storage.notifications import NotificationsRepository
from storage.positions import PositionClock
from tests.storage.samples import KEY, NOON, SECOND, a_row
from tests.support.world import eventually

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


class Tunnel:
    """A way to the store that can be cut, or stopped from carrying anything."""

    def __init__(self) -> None:
        self.is_open = True
        self.carries = asyncio.Event()
        self.carries.set()
        self.held = 0
        self.port = 0
        self.replies_left: int | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    @asynccontextmanager
    async def to(self, uri: str) -> AsyncIterator[Tunnel]:
        host, port = urlsplit(uri).hostname, urlsplit(uri).port
        tasks: set[asyncio.Task[None]] = set()

        async def carry(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_reply: bool
        ) -> None:
            try:
                while piece := await reader.read(1 << 20):
                    self.held += not self.carries.is_set()
                    await self.carries.wait()
                    if is_reply and self.replies_left is not None:
                        self.replies_left -= 1
                        if self.replies_left < 0:
                            self.cut()
                            return
                    writer.write(piece)
                    await writer.drain()
            except OSError:
                pass
            finally:
                writer.close()

        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if not self.is_open:
                writer.close()
                return
            far_reader, far_writer = await asyncio.open_connection(host, port)
            self._writers |= {writer, far_writer}
            tasks.add(asyncio.create_task(carry(reader, far_writer, is_reply=False)))
            tasks.add(asyncio.create_task(carry(far_reader, writer, is_reply=True)))

        server = await asyncio.start_server(accept, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            self.cut()
            self.carries.set()
            await asyncio.gather(*tasks)

    def cut(self) -> None:
        self.is_open = False
        for writer in self._writers:
            writer.close()
        self._writers.clear()

    def mend(self) -> None:
        self.is_open = True


@pytest.fixture
async def tunnel(mongodb_uri: str) -> AsyncIterator[Tunnel]:
    async with Tunnel().to(mongodb_uri) as way:
        yield way


@pytest.fixture
async def notifications(
    tunnel: Tunnel, database_name: str
) -> AsyncIterator[NotificationsRepository]:
    # The store names itself as the only member of its set: that way the tunnel would be left out.
    uri = f"mongodb://127.0.0.1:{tunnel.port}/?directConnection=true&maxPoolSize=4"
    client = open_client(uri, app_name="tests")
    yield NotificationsRepository(client[database_name], FieldCipher([KEY]))
    # It says goodbye to the store, by the tunnel, which this loop carries.
    await client.aclose()


async def test_a_store_that_is_gone_is_out_of_reach_for_reads_and_writes_until_it_is_back(
    tunnel: Tunnel, notifications: NotificationsRepository
) -> None:
    user_id = uuid4()
    row = a_row(user_id)
    await notifications.insert([row])
    tunnel.cut()
    began = time.monotonic()
    results = await asyncio.gather(
        notifications.insert([a_row(user_id)]),
        notifications.find(user_id, row.id),
        notifications.after(user_id, since=None, until=NOON, limit=5),
        notifications.unread_count(user_id),
        return_exceptions=True,
    )
    assert {type(result) for result in results} == {StoreUnavailable}
    assert time.monotonic() - began < 4, "not the whole time that a query may take"
    tunnel.mend()
    async with asyncio.timeout(5):
        while True:
            try:
                assert await notifications.find(user_id, row.id) == row
            except StoreUnavailable:
                continue
            break


async def test_a_store_that_hangs_is_out_of_reach_at_the_deadline(
    tunnel: Tunnel, notifications: NotificationsRepository
) -> None:
    user_id = uuid4()
    await notifications.insert([a_row(user_id)])
    tunnel.carries.clear()
    with pymongo.timeout(0.2):
        with pytest.raises(StoreUnavailable):
            await notifications.unread_count(user_id)
        with pytest.raises(StoreUnavailable):
            await notifications.after(user_id, since=None, until=NOON, limit=5)
        with pytest.raises(StoreUnavailable):
            await notifications.insert([a_row(user_id)])


async def test_who_waits_by_one_client_holds_up_nobody_who_asks_by_another(
    tunnel: Tunnel,
    notifications: NotificationsRepository,
    database: AsyncIOMotorDatabase[Document],
) -> None:
    user_id = uuid4()
    tunnel.carries.clear()
    waiting = [asyncio.create_task(notifications.unread_count(user_id)) for _ in range(40)]

    async def are_held() -> bool:
        return tunnel.held > 0

    await eventually(are_held)
    assert await NotificationsRepository(database, FieldCipher([KEY])).unread_count(user_id) == 0
    assert not any(task.done() for task in waiting)
    tunnel.carries.set()
    assert await asyncio.gather(*waiting) == [0] * 40


async def test_a_store_that_is_lost_between_two_replies_of_one_query_is_out_of_reach(
    tunnel: Tunnel, notifications: NotificationsRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asynchronous iteration is bounded and translated like the first reply."""
    user_id = uuid4()
    await notifications.insert([a_row(user_id) for _ in range(30)])
    monkeypatch.setattr("storage.collection.BATCH_ROWS", 10)
    tunnel.replies_left = 1
    with pytest.raises(StoreUnavailable):
        await notifications.after(user_id, since=None, until=NOON + SECOND, limit=30)
    assert tunnel.replies_left < 0


async def test_where_nothing_listens_the_store_is_out_of_reach(unused_port: int) -> None:
    client = open_client(f"mongodb://127.0.0.1:{unused_port}/", app_name="tests")
    began = time.monotonic()
    uses = (ping, ensure_indexes, PositionClock().measure)
    results = await asyncio.gather(
        *(use(client["nowhere"]) for use in uses), return_exceptions=True
    )
    assert {type(result) for result in results} == {StoreUnavailable}
    assert time.monotonic() - began < 4
    await client.aclose()


@pytest.fixture
async def unused_port() -> int:
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
    port: int = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    return port


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


async def test_a_store_that_hangs_keeps_nobody_from_closing(
    tunnel: Tunnel, database_name: str
) -> None:
    uri = f"mongodb://127.0.0.1:{tunnel.port}/?directConnection=true&socketTimeoutMS=60000"
    client = open_client(uri, app_name="tests")
    await ping(client[database_name])
    tunnel.carries.clear()
    async with asyncio.timeout(30):
        await client.aclose()
