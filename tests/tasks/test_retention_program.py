"""`run.py task retention`, as a program that is killed."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pymongo
import pytest

from storage.collection import portions
from storage.positions import PositionClock
from storage.stores import Stores
from tasks.retention import REMOVED_AT_ONCE
from tests.storage.samples import a_row
from tests.support.untraced import untraced

ROOT = Path(__file__).parents[2]
DEADLINE_S = 60.0
ROWS = 3 * REMOVED_AT_ONCE

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(tmp_path: Path, mongodb_uri: str, database_name: str, queue_url: str) -> Start:
    def start_one(*arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, ROOT / "run.py", "task", *arguments],
            env={
                **untraced(os.environ),
                "SNB_DATA_DIR": str(tmp_path / "var"),
                "SNB_MONGODB_URI": mongodb_uri,
                "SNB_MONGODB_DATABASE": database_name,
                "SNB_REDIS_URL": queue_url,
            },
            cwd=ROOT,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    return start_one


async def test_killed_half_way_it_goes_on_and_the_archive_has_every_row_once(
    stores: Stores,
    clock: PositionClock,
    mongodb_uri: str,
    database_name: str,
    start: Start,
    tmp_path: Path,
) -> None:
    now = clock.store_now()
    old = [
        a_row(uuid4(), created_at=now - timedelta(days=200, seconds=n), floor=now)
        for n in range(ROWS)
    ]
    young = a_row(uuid4(), created_at=now, floor=now)
    for some in portions([*old, young], 200):
        await stores.notifications.insert(some)
    archive = tmp_path / "archive"
    with pymongo.MongoClient[dict[str, Any]](mongodb_uri, uuidRepresentation="standard") as client:
        rows = client[database_name]["notifications"]
        # Blanked by an earlier run; what is to be seen here is how they are removed.
        client[database_name]["retention"].insert_one(
            {"_id": "blanked", "until": now - timedelta(days=90)}
        )
        assert rows.count_documents({}) == ROWS + 1
        killed = start("retention", "--archive", str(archive))
        kill_at_the_first_file(killed, archive)
        assert rows.count_documents({}) > 1, "it was killed too late"
        done = start("retention", "--archive", str(archive))
        said, complaint = done.communicate(timeout=DEADLINE_S)
        assert (done.returncode, complaint) == (0, "")
        assert said.startswith("retention: 0 blanked, ")
        assert [row["_id"] for row in rows.find({})] == [young.id]
    assert archived(archive) == Counter(row.id for row in old)


async def test_as_of_a_time_finer_than_the_store_keeps_rows_are_archived_and_removed(
    stores: Stores, clock: PositionClock, start: Start, tmp_path: Path
) -> None:
    now = clock.store_now()
    row = a_row(uuid4(), created_at=now, floor=now)
    await stores.notifications.insert([row])
    as_of = (now + timedelta(days=200)).replace(microsecond=625_997)
    done = start("retention", "--as-of", as_of.isoformat(), "--archive", str(tmp_path / "archive"))
    said, complaint = done.communicate(timeout=DEADLINE_S)
    assert (done.returncode, complaint) == (0, "")
    assert said == "retention: 1 blanked, 1 removed, 1 files archived\n"
    assert archived(tmp_path / "archive") == Counter([row.id])


def kill_at_the_first_file(program: subprocess.Popen[str], archive: Path) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not any(archive.rglob("*.ndjson.gz")):
        assert time.monotonic() < deadline, "nothing was archived"
        assert program.poll() is None, program.communicate()
        time.sleep(0.005)
    program.kill()
    program.communicate()


def archived(archive: Path) -> Counter[UUID]:
    return Counter(
        UUID(json.loads(line)["_id"])
        for file in archive.rglob("*.ndjson.gz")
        for line in gzip.decompress(file.read_bytes()).splitlines()
    )


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("sweep", "--archive", "x"), "--archive: only `task retention` puts anything"),
        (("retention", "--archive", "gs://x/y"), "must be a directory or s3://bucket/prefix"),
        (("retention", "--archive", __file__), "is not a directory"),
    ],
)
def test_an_archive_that_cannot_be_is_told_of_at_once(
    start: Start, arguments: tuple[str, ...], complaint: str
) -> None:
    refused = start(*arguments)
    said, complained = refused.communicate(timeout=DEADLINE_S)
    assert (refused.returncode, said) == (2, "")
    assert complaint in complained
