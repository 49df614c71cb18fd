"""A store that is gone, hangs or is lost half way is out of reach, in time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING
from uuid import uuid4

import pymongo
import pytest

from storage.client import (
    StoreUnavailable,
    open_client,
    ping,
)
from storage.encryption import FieldCipher
from storage.indexes import ensure_indexes
from storage.notifications import NotificationsRepository
from storage.positions import PositionClock
from tests.storage.samples import KEY, NOON, SECOND, a_row
from tests.support.tunnel import Tunnel
from tests.support.world import eventually

if TYPE_CHECKING:
    from motor.motor_asyncio import AsyncIOMotorDatabase

    from storage.client import Document


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


async def test_a_store_that_hangs_keeps_nobody_from_closing(
    tunnel: Tunnel, database_name: str
) -> None:
    uri = f"mongodb://127.0.0.1:{tunnel.port}/?directConnection=true&socketTimeoutMS=60000"
    client = open_client(uri, app_name="tests")
    await ping(client[database_name])
    tunnel.carries.clear()
    async with asyncio.timeout(30):
        await client.aclose()
