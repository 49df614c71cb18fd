"""A campaign tells each of its audience once, whatever is killed, paused or resumed meanwhile."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pymongo
import pytest

from server.service import Service
from storage.encryption import FieldCipher
from tests.flows.deliveries import WorkerProcess
from tests.support.api import Api
from tests.support.campaigns import Admin
from tests.support.peers.smtp import SmtpPeer, smtp_peer
from tests.support.processes import ServerProcess, server_process
from tests.support.seed import seed_reachable
from tests.support.service import running
from tests.support.world import eventually

PEOPLE = 2_000
FEWER_PEOPLE = 400
CIPHER = FieldCipher([b"k" * 32])


@pytest.fixture
def rows(mongodb_uri: str, database_name: str) -> Iterator[Any]:
    with pymongo.MongoClient[Any](mongodb_uri, uuidRepresentation="standard") as client:
        yield client[database_name]["notifications"]


@pytest.fixture
def smtp() -> Iterator[SmtpPeer]:
    with smtp_peer() as peer:
        yield peer


@pytest.fixture
async def server(
    mongodb_uri: str, redis_url: str, database_name: str, queue_url: str
) -> AsyncIterator[ServerProcess]:
    async with server_process(
        mongodb_uri,
        redis_url,
        database_name,
        SNB_QUEUE_REDIS_URL=queue_url,
        SNB_CAMPAIGN_RATE="500",
    ) as given:
        yield given


@pytest.fixture
def worker(
    mongodb_uri: str,
    redis_url: str,
    database_name: str,
    queue_url: str,
    tmp_path: Path,
    smtp: SmtpPeer,
) -> Iterator[WorkerProcess]:
    made = WorkerProcess(
        mongodb_uri,
        redis_url,
        database_name,
        tmp_path / "worker.log",
        SNB_QUEUE_REDIS_URL=queue_url,
        SNB_EMAIL_URL=f"smtp://127.0.0.1:{smtp.port}?concurrency=20",
        SNB_WORKERS="4",
    )
    yield made
    made.kill()


@pytest.mark.timeout(seconds=300)
async def test_server_and_worker_are_killed_and_everybody_is_told_once(
    mongodb_uri: str,
    database_name: str,
    rows: Any,
    smtp: SmtpPeer,
    server: ServerProcess,
    worker: WorkerProcess,
) -> None:
    await server.start()
    await worker.start()
    people = seed_reachable(mongodb_uri, database_name, CIPHER, PEOPLE, "ngo")
    admin = Admin(Api(server.base_url))
    made = await admin.makes(channels=["in_app", "email"], audience={"user_types": ["ngo"]})
    assert made["progress"]["audience"] == PEOPLE

    async def is_under_way() -> bool:
        return bool((await admin.sees(made["id"]))["progress"]["processed"]) and bool(smtp.arrived)

    await eventually(is_under_way, within_s=120.0)
    server.kill()
    worker.kill()
    assert 0 < rows.count_documents({}) < PEOPLE

    await server.start()
    await worker.start()
    done = await admin.waits_for(made["id"], within_s=120.0)
    assert done["progress"] == {
        "audience": PEOPLE,
        "processed": PEOPLE,
        "created": PEOPLE,
        "suppressed": 0,
        "failed": 0,
    }
    assert sorted(row["recipient_id"] for row in rows.find({})) == sorted(people)

    # What the dead worker had in hand is sent again a while later: test_worker_kill.py.
    for row in rows.find({}):
        email = row["channels"]["email"]
        assert email["status"] in ("queued", "deferred", "sending", "sent")
        times = smtp.arrived.get(str(row["_id"]), 0)
        is_uncertain = any(attempt.get("uncertain") for attempt in email.get("attempts", ()))
        assert times < 2 or is_uncertain, f"{row['_id']}: {times}"
        assert times or email["status"] != "sent", f"{row['_id']} was lost"
    admin.api.close()


@pytest.fixture
async def service(mongodb_uri: str, redis_url: str, database_name: str) -> AsyncIterator[Service]:
    """Run a server process that is in no hurry."""
    async with running(
        mongodb_uri, redis_url, f"{database_name}_paused", SNB_CAMPAIGN_RATE="100"
    ) as started:
        yield started


@pytest.mark.timeout(seconds=300)
async def test_a_campaign_is_paused_within_a_batch_and_goes_on_where_it_was(
    service: Service, api: Api, mongodb_uri: str, database_name: str
) -> None:
    database = f"{database_name}_paused"
    people = seed_reachable(mongodb_uri, database, CIPHER, FEWER_PEOPLE, "ngo")
    admin = Admin(api)
    made = await admin.makes(audience={"user_types": ["ngo"]})

    async def processed() -> int:
        return int((await admin.sees(made["id"]))["progress"]["processed"])

    await eventually(processed)
    await admin.does(made["id"], "pause")

    async def is_let_go() -> bool:
        return await service.stores.events.pending_count() == 0

    await eventually(is_let_go)
    paused_at = await processed()
    assert 0 < paused_at < FEWER_PEOPLE
    assert sum((await told(service, made["id"])).values()) == paused_at
    assert (await admin.does(made["id"], "resume"))["status"] == "running"
    done = await admin.waits_for(made["id"], within_s=120.0)
    assert done["progress"]["created"] == done["progress"]["processed"] == FEWER_PEOPLE
    assert await told(service, made["id"]) == dict.fromkeys(people, 1)


async def told(service: Service, campaign_id: str) -> Counter[UUID]:
    """Return how often each was told."""
    rows = await service.stores.notifications._rows.find({"campaign_id": UUID(campaign_id)})
    return Counter(row["recipient_id"] for row in rows)
