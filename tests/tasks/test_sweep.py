from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from uuid import uuid4

import pytest
from huey import PriorityRedisHuey
from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorDatabase
from structlog.testing import capture_logs

from rules.kinds import Channel
from storage import client as store_client
from storage.businesses import BusinessChange
from storage.client import Document, open_client
from storage.encryption import FieldCipher
from storage.positions import PositionClock
from storage.stores import Stores, open_stores
from tasks.queue import DeliveryQueue, DeliveryRef, open_huey
from tasks.runtime import LoopThread
from tasks.sweep import REDELIVER_AFTER, Sweeper, Swept
from tests.tasks.conftest import insert_waiting


def sweeper_of(
    stores: Stores,
    clock: PositionClock,
    queue: DeliveryQueue,
    loop: LoopThread | None = None,
    *,
    busy_tasks: int = 100,
) -> Sweeper:
    return Sweeper(
        loop=loop or LoopThread("unused"),
        stores=stores,
        clock=clock,
        queue=queue,
        turns=queue._huey.storage.conn,
        busy_tasks=busy_tasks,
    )


def queued(huey: PriorityRedisHuey) -> set[DeliveryRef]:
    return {DeliveryRef.decode(encoded) for task in huey.pending() for encoded in task.args[0]}


async def test_what_was_deferred_waits_for_its_time_and_is_queued_then(
    stores: Stores, clock: PositionClock, huey: PriorityRedisHuey, queue: DeliveryQueue
) -> None:
    due = await insert_waiting(stores, clock, 1, status="deferred")
    await insert_waiting(stores, clock, 1, status="deferred", due_in=timedelta(seconds=30))
    assert await sweeper_of(stores, clock, queue).sweep() == Swept(0, len(due))
    assert queued(huey) == set(due)


async def test_what_is_due_is_queued_again_and_put_off(
    stores: Stores, clock: PositionClock, huey: PriorityRedisHuey, queue: DeliveryQueue
) -> None:
    due = await insert_waiting(stores, clock, 150)
    await insert_waiting(stores, clock, 1, due_in=timedelta(minutes=1))
    sweeper = sweeper_of(stores, clock, queue)
    assert await sweeper.sweep() == Swept(0, 300)
    assert queued(huey) == set(due)
    huey.flush()
    assert await sweeper.sweep() == Swept(0, 0)
    later = clock.store_now() + REDELIVER_AFTER + timedelta(seconds=1)
    assert len(await stores.notifications.due("email", before=later, limit=200)) == 151


async def test_a_busy_queue_is_given_no_repeats(
    stores: Stores, clock: PositionClock, huey: PriorityRedisHuey, queue: DeliveryQueue
) -> None:
    await insert_waiting(stores, clock, 1, channels=[Channel.EMAIL])
    queue.enqueue([DeliveryRef(Channel.PUSH, uuid4(), uuid4())])
    assert await sweeper_of(stores, clock, queue, busy_tasks=0).sweep() == Swept(0, 0)
    assert await sweeper_of(stores, clock, queue, busy_tasks=1).sweep() == Swept(0, 1)


async def test_what_the_queue_did_not_take_stays_due(
    stores: Stores, clock: PositionClock, huey: PriorityRedisHuey
) -> None:
    await insert_waiting(stores, clock, 150, channels=[Channel.PUSH])
    full = DeliveryQueue(huey, max_queued_tasks=1)
    assert await sweeper_of(stores, clock, full).sweep() == Swept(0, 100)
    left = await stores.notifications.due("push", before=clock.store_now(), limit=200)
    assert len(left) == 50


async def test_a_follow_that_was_cut_off_is_finished(
    stores: Stores,
    clock: PositionClock,
    queue: DeliveryQueue,
    database: AsyncIOMotorDatabase[Document],
) -> None:
    business_id, user_id = uuid4(), uuid4()
    then = clock.store_now() - timedelta(minutes=5)
    long_ago = PositionClock(wall=then.timestamp)
    before = open_stores(database, FieldCipher([b"k" * 32]), long_ago)
    await before.businesses.apply([BusinessChange(business_id, {"name": "Bakery"}, then)])
    await before.following.begin_follow(user_id, "customer", business_id)
    assert await sweeper_of(stores, clock, queue).sweep() == Swept(1, 0)
    business = await stores.businesses.get(business_id)
    assert business.followers_count == 1
    assert await stores.follows.find(business_id, user_id) is not None


@pytest.fixture
def loop() -> Iterator[LoopThread]:
    loop = LoopThread("test")
    loop.start()
    yield loop
    loop.stop()


@contextmanager
def stores_on(
    loop: LoopThread, uri: str, database_name: str
) -> Iterator[tuple[Stores, PositionClock]]:
    """Open stores on the loop of `loop`, as a worker does."""
    clock = PositionClock()

    async def build() -> tuple[AsyncIOMotorClient[Document], Stores]:
        client = open_client(uri, app_name="tests")
        return client, open_stores(client[database_name], FieldCipher([b"k" * 32]), clock)

    client, stores = loop.run(build(), deadline_s=5)
    yield stores, clock
    client.close()


def test_of_several_workers_one_sweeps_a_period(
    loop: LoopThread, mongodb_uri: str, database_name: str, queue: DeliveryQueue
) -> None:
    with stores_on(loop, mongodb_uri, database_name) as (stores, clock), capture_logs() as logs:
        sweepers = [sweeper_of(stores, clock, queue, loop) for _ in range(3)]
        swept = [sweeper.run_in_turn(turn_s=30) for sweeper in sweepers]
        assert swept == [Swept(0, 0), None, None]
        assert sweepers[1].run() == Swept(0, 0)
    assert not logs
    assert 0 < queue._huey.storage.conn.ttl("snb:sweep:turn") <= 30


def test_a_sweep_that_found_something_says_so(
    loop: LoopThread, mongodb_uri: str, database_name: str, queue: DeliveryQueue
) -> None:
    with stores_on(loop, mongodb_uri, database_name) as (stores, clock), capture_logs() as logs:
        loop.run(insert_waiting(stores, clock, 2, channels=[Channel.SMS]), deadline_s=5)
        sweeper_of(stores, clock, queue, loop).run()
    assert [(line["event"], line["deliveries_queued"]) for line in logs] == [("swept", 2)]


def test_a_sweep_is_put_off_when_redis_is_away(
    loop: LoopThread, mongodb_uri: str, database_name: str
) -> None:
    away = DeliveryQueue(open_huey("redis://127.0.0.1:1/0"))
    with stores_on(loop, mongodb_uri, database_name) as (stores, clock), capture_logs() as logs:
        sweeper = sweeper_of(stores, clock, away, loop)
        assert [sweeper.run_in_turn(), sweeper.run()] == [None, None]
    assert [(line["event"], line["error"]) for line in logs] == [
        ("sweep_put_off", "ConnectionError")
    ] * 2


def test_a_sweep_is_put_off_when_the_store_is_away(
    loop: LoopThread, queue: DeliveryQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_client, "OPERATION_TIMEOUT_MS", 200)
    with (
        stores_on(loop, "mongodb://127.0.0.1:1/", "nowhere") as (stores, clock),
        capture_logs() as logs,
    ):
        assert sweeper_of(stores, clock, queue, loop).run() is None
    assert [(line["event"], line["error"]) for line in logs] == [
        ("sweep_put_off", "StoreUnavailable")
    ]
