from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from motor.motor_asyncio import AsyncIOMotorDatabase

from config.daily_caps import DailyCaps as CapTable
from rules.kinds import Channel
from storage.cap_ledger import CapLedger
from storage.charges import ChargesRepository
from storage.client import Document, open_client
from storage.daily_caps import DailyCaps
from storage.encryption import FieldCipher
from storage.notifications import NotificationRow
from storage.positions import PositionClock
from storage.redis import RedisStore
from storage.stores import Stores, open_stores
from tasks.cap_check import CapCheck
from tasks.hueys import Hueys, open_hueys
from tasks.queue import DeliveryQueue, DeliveryRef, EncodedRef
from tasks.worker_lease import WorkerLease
from tests.tasks.works import OURS, Works

OVERDUE = timedelta(seconds=-5)


@pytest.fixture
async def database(
    mongodb_uri: str, indexed_database_name: str
) -> AsyncIterator[AsyncIOMotorDatabase[Document]]:
    client = open_client(mongodb_uri, app_name="tests")
    database = client[indexed_database_name]
    yield database
    await database["notifications"].delete_many({})
    await client.aclose()


@pytest.fixture
async def clock(database: AsyncIOMotorDatabase[Document]) -> PositionClock:
    clock = PositionClock()
    await clock.measure(database)
    return clock


@pytest.fixture
def stores(database: AsyncIOMotorDatabase[Document], clock: PositionClock) -> Stores:
    return open_stores(database, FieldCipher([b"k" * 32]), clock)


@pytest.fixture
def queue_url(redis_url: str) -> str:
    """Name a Redis database that no other package's tests use."""
    return redis_url.replace("/0", "/7")


@pytest.fixture
def hueys(queue_url: str) -> Iterator[Hueys]:
    hueys = open_hueys(queue_url)
    hueys.redis.flushdb()
    yield hueys
    hueys.close()


@pytest.fixture
def queue(hueys: Hueys) -> DeliveryQueue:
    return DeliveryQueue(hueys)


def queued(hueys: Hueys, channel: Channel) -> list[DeliveryRef]:
    """Return what waits on a channel's queues, in the order in which it is taken."""
    of_channel = hueys.of[channel]
    tasks = [*of_channel.critical.pending(), *of_channel.usual.pending()]
    return [DeliveryRef.decode(channel, encoded) for task in tasks for encoded in task.args[0]]


def refs_of(count: int, channel: Channel = Channel.EMAIL) -> list[DeliveryRef]:
    return [DeliveryRef(channel, uuid4(), uuid4()) for _ in range(count)]


def encoded(ref: DeliveryRef) -> EncodedRef:
    return str(ref.recipient_id), str(ref.notification_id)


async def insert_waiting(
    stores: Stores,
    clock: PositionClock,
    count: int,
    *,
    due_in: timedelta = OVERDUE,
    status: str = "queued",
    channels: Sequence[Channel] = (Channel.EMAIL, Channel.PUSH),
) -> list[DeliveryRef]:
    """Insert rows whose `channels` wait as a server leaves them, and return their refs."""
    with clock.writing() as position:
        state = {"status": status, "due_at": position.created_at + due_in}
        rows = [
            _row(position.created_at, position.floor, dict.fromkeys(channels, state))
            for _ in range(count)
        ]
        await stores.notifications.insert(rows)
    return [DeliveryRef(channel, row.recipient_id, row.id) for row in rows for channel in channels]


def _row(
    created_at: datetime, floor: datetime, channels: Mapping[Channel, Mapping[str, Any]]
) -> NotificationRow:
    return NotificationRow(
        id=uuid4(),
        recipient_id=uuid4(),
        event_id=UUID(int=1),
        kind="new_listing",
        writer="tests#1",
        created_at=created_at,
        floor=floor,
        in_app=True,
        title="Bread",
        message="Fresh",
        channels={channel.value: state for channel, state in channels.items()},
    )


@pytest.fixture
async def caps(
    redis_url: str,
    database: AsyncIOMotorDatabase[Document],
    clock: PositionClock,
    stores: Stores,
) -> AsyncIterator[CapCheck]:
    """Count to the caps of the contract, in a Redis database of this package's own."""
    redis = RedisStore(redis_url.replace("/0", "/6"))
    counted = DailyCaps(CapLedger(redis), ChargesRepository(database), clock)
    await counted.begin(is_first=True)
    yield CapCheck(CapTable(), counted, stores.deliveries)
    await redis.close()


@pytest.fixture
def works(stores: Stores, clock: PositionClock, caps: CapCheck) -> Works:
    """Return a worker's parts, which no queue gives anything to."""
    return Works(stores=stores, clock=clock, caps=caps, lease=WorkerLease(OURS))
