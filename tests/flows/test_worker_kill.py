"""Workers that are killed or stopped lose nothing, and repeat only what is on record."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pymongo
import pytest

from tests.flows.deliveries import WorkerProcess, gather
from tests.support.peers.fcm import FcmPeer, fcm_peer
from tests.support.peers.http_peer import Reply
from tests.support.peers.smtp import SmtpPeer, smtp_peer
from tests.support.world import eventually, none_left

PEOPLE = int(os.environ.get("WORKER_KILL_PEOPLE", "200"))
KILLS = int(os.environ.get("WORKER_KILLS", "3"))
CONCURRENCY = 20
ANSWERS_AFTER_S = 0.2
"""So that some are on their way at any moment."""

FOUND_AGAIN_S = 240.0
"""What a dead worker had begun is sent again after three minutes."""

UNFINISHED = {
    "$or": [
        {f"channels.{channel}.status": {"$in": ["queued", "deferred", "sending"]}}
        for channel in ("email", "push")
    ]
}


@pytest.fixture
def rows(mongodb_uri: str, indexed_database_name: str) -> Iterator[Any]:
    with pymongo.MongoClient[Any](mongodb_uri, uuidRepresentation="standard") as client:
        yield client[indexed_database_name]["notifications"]
        client[indexed_database_name]["notifications"].delete_many({})


@pytest.fixture
async def fcm() -> AsyncIterator[FcmPeer]:
    async with fcm_peer() as peer:
        peer.answer = lambda _: Reply(after_s=ANSWERS_AFTER_S)
        yield peer


@pytest.fixture
def smtp() -> Iterator[SmtpPeer]:
    with smtp_peer(after_s=ANSWERS_AFTER_S) as peer:
        yield peer


@pytest.fixture
async def workers(
    mongodb_uri: str,
    redis_url: str,
    queue_url: str,
    indexed_database_name: str,
    tmp_path: Path,
    fcm: FcmPeer,
    smtp: SmtpPeer,
) -> AsyncIterator[list[WorkerProcess]]:
    made = [
        WorkerProcess(
            mongodb_uri,
            redis_url,
            indexed_database_name,
            tmp_path / f"{name}.log",
            SNB_INSTANCE=name,
            SNB_QUEUE_REDIS_URL=queue_url,
            SNB_EMAIL_URL=f"smtp://127.0.0.1:{smtp.port}?concurrency={CONCURRENCY}",
            SNB_PUSH_URL=(
                f"fcm:{fcm.account(tmp_path)}?endpoint={fcm.url}&concurrency={CONCURRENCY}"
            ),
            SNB_WORKERS="4",
        )
        for name in ("one", "another")
    ]
    yield made
    for worker in made:
        worker.kill()


@pytest.fixture
def worker(workers: list[WorkerProcess]) -> WorkerProcess:
    return workers[0]


@pytest.fixture
def another(workers: list[WorkerProcess]) -> WorkerProcess:
    return workers[1]


async def unfinished(rows: Any) -> int:
    """Return how many notifications have a delivery that is not over."""
    return int(await asyncio.to_thread(rows.count_documents, UNFINISHED))


def make_due(rows: Any) -> None:
    """Have all that is queued be due a second ago, and what workers have be looked after."""
    then = datetime.now(UTC) - timedelta(seconds=1)
    for channel in ("email", "push"):
        status, filed = f"channels.{channel}.status", {f"channels.{channel}.filed.at": then}
        rows.update_many({status: "sending"}, {"$set": filed})
        rows.update_many(
            {status: "queued"}, {"$set": {f"channels.{channel}.due_at": then, **filed}}
        )


def is_uncertain(row: dict[str, Any], channel: str) -> bool:
    return any(attempt.get("uncertain") for attempt in row["channels"][channel]["attempts"])


@pytest.mark.timeout(seconds=1_200)
async def test_killed_workers_lose_nothing_and_repeat_only_what_is_on_record(
    mongodb_uri: str,
    database_name: str,
    rows: Any,
    fcm: FcmPeer,
    smtp: SmtpPeer,
    worker: WorkerProcess,
) -> None:
    crowd = gather(mongodb_uri, database_name, b"k" * 32, PEOPLE)
    moments = random.Random(1)
    for _ in range(KILLS):
        await worker.start()
        # At any moment: there is nothing to wait for.
        await asyncio.sleep(moments.uniform(0.2, 2.0))
        worker.kill()
    assert await unfinished(rows) > 0, "it was killed too late"
    # What the dead ones had taken off the queue is looked for after a minute, and what they had
    # begun after half of one: let it have passed.
    make_due(rows)
    await worker.start()

    await none_left(partial(unfinished, rows), stands_still_s=FOUND_AGAIN_S)
    ended = {row["_id"]: row for row in rows.find({})}
    pushes = [message["android"]["notification"]["tag"] for message in fcm.messages]
    uncertain = 0
    for channel, arrived in (
        ("email", smtp.arrived),
        ("push", {tag: pushes.count(tag) for tag in set(pushes)}),
    ):
        for row_id in crowd.rows:
            row, times = ended[row_id], arrived.get(str(row_id), 0)
            assert times >= 1, f"{channel} of {row_id} was lost"
            assert row["channels"][channel]["status"] == "sent"
            uncertain += is_uncertain(row, channel)
            assert times == 1 or is_uncertain(row, channel), f"{channel} of {row_id}: {times}"
    assert uncertain <= KILLS * 2 * CONCURRENCY


@pytest.mark.timeout(seconds=600)
async def test_a_stopped_worker_that_goes_on_sends_and_writes_nothing(
    mongodb_uri: str,
    database_name: str,
    rows: Any,
    fcm: FcmPeer,
    smtp: SmtpPeer,
    worker: WorkerProcess,
    another: WorkerProcess,
) -> None:
    smtp.after_s = 0.5
    await worker.start()
    crowd = gather(mongodb_uri, database_name, b"k" * 32, 200)

    async def some_are_sent() -> bool:
        return len(smtp.arrived) > CONCURRENCY

    await eventually(some_are_sent, within_s=120.0)
    worker.signal(signal.SIGSTOP)
    held = rows.count_documents({"channels.email.status": "sending"})
    assert held > CONCURRENCY
    smtp.after_s = 0.0
    await another.start()

    await none_left(partial(unfinished, rows), stands_still_s=FOUND_AGAIN_S)
    arrived, states = Counter(smtp.arrived), list(rows.find({}))
    pushes = len(fcm.messages)
    worker.signal(signal.SIGCONT)

    async def has_given_up() -> bool:
        return any(line["event"] == "permit_expired" for line in worker.lines())

    await eventually(has_given_up)
    assert worker.stop() == 0
    assert (smtp.arrived, len(fcm.messages)) == (arrived, pushes)
    assert list(rows.find({})) == states
    for row in states:
        times = arrived[str(row["_id"])]
        assert times == 1 or is_uncertain(row, "email"), f"{row['_id']}: {times}"
    assert set(arrived) == {str(row_id) for row_id in crowd.rows}
