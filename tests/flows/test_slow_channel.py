"""A provider that is slow or hangs holds up its own channel, and there nothing that is critical."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pymongo
import pytest

from tests.flows.deliveries import WorkerProcess, gather
from tests.support.peers.fcm import FcmPeer
from tests.support.peers.http_peer import Reply
from tests.support.peers.smtp import SmtpPeer, smtp_peer
from tests.support.peers.twilio import ACCOUNT, TwilioPeer
from tests.support.world import eventually

KEY = b"k" * 32
SLOTS = 2
ANSWERS_AFTER_S = 0.5


@pytest.fixture
def smtp() -> Iterator[SmtpPeer]:
    with smtp_peer() as peer:
        yield peer


@pytest.fixture
def database(mongodb_uri: str, indexed_database_name: str) -> Iterator[str]:
    yield indexed_database_name
    with pymongo.MongoClient[Any](mongodb_uri) as client:
        client[indexed_database_name]["notifications"].delete_many({})


@pytest.fixture
async def worker(
    mongodb_uri: str,
    redis_url: str,
    queue_url: str,
    database: str,
    tmp_path: Path,
    twilio: TwilioPeer,
    fcm: FcmPeer,
    smtp: SmtpPeer,
) -> AsyncIterator[WorkerProcess]:
    """Give a worker with as few threads as there can be."""
    made = WorkerProcess(
        mongodb_uri,
        redis_url,
        database,
        tmp_path / "worker.log",
        SNB_QUEUE_REDIS_URL=queue_url,
        SNB_WORKERS="1",
        SNB_EMAIL_URL=f"smtp://127.0.0.1:{smtp.port}",
        SNB_PUSH_URL=f"fcm:{fcm.account(tmp_path)}?endpoint={fcm.url}",
        SNB_SMS_URL=(
            f"twilio://{ACCOUNT}:token@/?from=+27100000000&endpoint={twilio.url}"
            f"&concurrency={SLOTS}&timeout_s=30"
        ),
    )
    yield made
    made.kill()


@pytest.mark.timeout(seconds=300)
async def test_an_sms_provider_that_hangs_holds_up_neither_pushes_nor_mails(
    mongodb_uri: str,
    database: str,
    worker: WorkerProcess,
    twilio: TwilioPeer,
    fcm: FcmPeer,
    smtp: SmtpPeer,
) -> None:
    may_answer = asyncio.Event()
    twilio.answer = lambda _: Reply(until=may_answer)
    crowd = gather(mongodb_uri, database, KEY, 150, channels=("sms", "push", "email"))
    await worker.start()

    async def is_hanging() -> bool:
        return len(twilio.messages) == SLOTS

    await eventually(is_hanging, within_s=30.0)

    async def all_arrived() -> bool:
        return len(fcm.messages) >= len(crowd.rows) <= len(smtp.arrived)

    # Sooner than the SMS provider is given up.
    await eventually(all_arrived, within_s=25.0)
    assert len(twilio.messages) == SLOTS
    may_answer.set()


@pytest.mark.timeout(seconds=300)
async def test_what_is_critical_waits_for_one_answer_of_a_slow_provider_and_not_for_a_backlog(
    mongodb_uri: str, database: str, worker: WorkerProcess, twilio: TwilioPeer
) -> None:
    twilio.answer = lambda _: Reply(after_s=ANSWERS_AFTER_S)
    backlog = gather(mongodb_uri, database, KEY, 200, channels=["sms"])
    await worker.start()

    async def is_busy() -> bool:
        return len(twilio.messages) > SLOTS

    await eventually(is_busy, within_s=30.0)
    (critical,) = gather(mongodb_uri, database, KEY, 1, channels=["sms"], priority="critical").rows

    async def begun() -> Any:
        with pymongo.MongoClient[Any](mongodb_uri, uuidRepresentation="standard") as client:
            row = client[database]["notifications"].find_one({"_id": critical})
        return row and row["channels"]["sms"]["status"] == "sent"

    # It is found within 2 s, and the backlog would take 50 s.
    await eventually(begun, within_s=15.0)
    assert len(twilio.messages) < len(backlog.rows) / 2
