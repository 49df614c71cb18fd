from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pymongo
import pytest

from rules.kinds import Channel
from storage.indexes import INDEXES
from storage.positions import PositionClock
from storage.stores import Stores
from tasks.hueys import Hueys
from tasks.queue import DeliveryQueue
from tests.tasks.conftest import insert_waiting

ROOT = Path(__file__).parents[2]
DEADLINE_S = 60.0


class WorkerProgram:
    """`run.py worker` as a real process, with its JSON log."""

    def __init__(self, environ: dict[str, str], log: Path) -> None:
        self.log = log
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, ROOT / "run.py", "worker"],
                env={**os.environ, **environ},
                cwd=ROOT,
                stderr=output,
            )

    def events(self) -> list[dict[str, Any]]:
        lines = self.log.read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def says(self, event: str) -> bool:
        return any(line["event"] == event for line in self.events())

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(DEADLINE_S)


Start = Callable[..., WorkerProgram]


@pytest.fixture
def start(tmp_path: Path, mongodb_uri: str, database_name: str, queue_url: str) -> Iterator[Start]:
    started: list[WorkerProgram] = []

    def start_one(**environ: str) -> WorkerProgram:
        given = {
            "SNB_DATA_DIR": str(tmp_path / "var"),
            "SNB_MONGODB_URI": mongodb_uri,
            "SNB_MONGODB_DATABASE": database_name,
            "SNB_REDIS_URL": queue_url,
            "SNB_WORKERS": "2",
            "SNB_INSTANCE": "tests",
            "SNB_LOG_FORMAT": "json",
            **environ,
        }
        started.append(WorkerProgram(given, tmp_path / f"{len(started)}.log"))
        return started[-1]

    yield start_one
    for worker in started:
        worker.process.kill()
        worker.process.wait()


def wait_until(is_so: Callable[[], object]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not is_so():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


@pytest.fixture
def waiting(mongodb_uri: str, database_name: str) -> Iterator[Callable[[], int]]:
    """Count the deliveries that are still to be settled."""
    with pymongo.MongoClient[dict[str, Any]](mongodb_uri) as client:
        rows = client[database_name]["notifications"]
        yield (
            lambda: (
                rows.count_documents({"channels.email.status": "queued"})
                + (rows.count_documents({"channels.push.status": "queued"}))
            )
        )


async def test_what_is_queued_is_settled_and_the_worker_ends_with_0_when_told(
    start: Start,
    stores: Stores,
    clock: PositionClock,
    queue: DeliveryQueue,
    waiting: Callable[[], int],
) -> None:
    queue.enqueue(await insert_waiting(stores, clock, 40))
    worker = start()
    wait_until(lambda: waiting() == 0)
    wait_until(lambda: worker.says("worker_ready"))
    (row,) = await stores.processes.list()
    assert (row.lease.owner, row.kind, row.pid) == ("tests/worker", "worker", worker.process.pid)
    assert worker.stop() == 0
    assert worker.says("worker_stopping")
    assert not await stores.processes.list()
    assert [line for line in worker.events() if line["level"] != "info"] == []


async def test_a_worker_has_made_the_indexes_before_it_writes(
    start: Start, mongodb_uri: str
) -> None:
    database_name = f"new-{uuid4().hex}"
    with pymongo.MongoClient[dict[str, Any]](mongodb_uri) as client:
        worker = start(SNB_MONGODB_DATABASE=database_name)
        wait_until(lambda: client[database_name]["processes"].count_documents({}))
        for index in INDEXES:
            assert index.name in client[database_name][index.collection].index_information()
        assert worker.stop() == 0
        client.drop_database(database_name)


async def test_a_killed_worker_loses_nothing(
    start: Start,
    stores: Stores,
    clock: PositionClock,
    queue: DeliveryQueue,
    hueys: Hueys,
    waiting: Callable[[], int],
) -> None:
    queue.enqueue(await insert_waiting(stores, clock, 150))
    worker = start()
    wait_until(lambda: queue.size(Channel.EMAIL) + queue.size(Channel.PUSH) < 4)
    worker.process.kill()
    worker.process.wait()
    assert waiting() > 0
    # The queue forgot what the worker had taken; now it forgets the rest as well.
    hueys.redis.flushdb()
    start()
    wait_until(lambda: waiting() == 0)


async def test_a_worker_whose_place_is_taken_ends_with_1(
    start: Start, stores: Stores, hueys: Hueys
) -> None:
    worker = start()
    wait_until(lambda: worker.says("worker_ready"))
    await stores.processes.register("tests/worker", "worker")
    assert worker.process.wait(DEADLINE_S) == 1
    assert worker.says("superseded")


@pytest.mark.parametrize(
    ("variable", "store", "scheme"),
    [("SNB_MONGODB_URI", "mongodb", "mongodb"), ("SNB_REDIS_URL", "redis", "redis")],
)
def test_a_store_that_is_away_at_the_start_is_waited_for(
    start: Start, variable: str, store: str, scheme: str
) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        worker = start(**{variable: f"{scheme}://127.0.0.1:{nobody.getsockname()[1]}/"})
        wait_until(lambda: worker.says("waiting_for"))
    assert worker.events()[0]["store"] == store
    assert worker.process.poll() is None
    assert worker.stop(signal.SIGINT) == 0
