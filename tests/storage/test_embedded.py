from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pymongo
import pytest

from storage import embedded
from storage.embedded import (
    DataDirectoryLocked,
    EmbeddedFailed,
    EmbeddedMongo,
    EmbeddedNotInstalled,
    EmbeddedServer,
)
from storage.embedded_redis import EmbeddedRedis

ROOT = Path(__file__).parents[2]

# Starts both stores, says so, and waits to be killed.
LAUNCHER = """
import sys, time
from pathlib import Path
from storage.embedded import EmbeddedMongo
from storage.embedded_redis import EmbeddedRedis
stores = [kind(Path(sys.argv[1]) / kind.__name__) for kind in (EmbeddedMongo, EmbeddedRedis)]
for store in stores:
    store.start()
print(*(store.child.pid for store in stores), flush=True)
time.sleep(60)
"""


@pytest.fixture
def mongo(tmp_path: Path) -> Iterator[EmbeddedMongo]:
    store = EmbeddedMongo(tmp_path / "mongodb")
    yield store
    store.stop()


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[EmbeddedRedis]:
    store = EmbeddedRedis(tmp_path / "redis")
    yield store
    store.stop()


def kill(store: EmbeddedServer) -> None:
    assert store.child is not None
    store.child.kill()
    store.child.wait()


def test_a_killed_store_comes_back_at_its_port_with_all_it_acknowledged(
    mongo: EmbeddedMongo,
) -> None:
    uri = mongo.start()
    with pymongo.MongoClient[dict[str, Any]](uri) as client:
        client["shop"]["bread"].insert_many([{"_id": number} for number in range(200)])
        kill(mongo)
        assert mongo.start() == uri
        assert client["shop"]["bread"].count_documents({}) == 200


def test_the_driver_tries_no_write_on_it_again(mongo: EmbeddedMongo) -> None:
    with pymongo.MongoClient[Any](mongo.start()) as client:
        assert not client.options.retry_writes


def test_a_stopped_store_is_gone_and_may_be_stopped_again(valkey: EmbeddedRedis) -> None:
    valkey.start()
    assert valkey.child is not None
    pid = valkey.child.pid
    valkey.stop()
    valkey.stop()
    assert not psutil.pid_exists(pid)


def test_a_directory_that_another_store_has_open_is_locked(
    mongo: EmbeddedMongo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "LOCK_PATIENCE_S", 0.0)
    mongo.start()
    with pytest.raises(DataDirectoryLocked) as locked:
        EmbeddedMongo(mongo.directory).start()
    assert locked.value.directory == mongo.directory


def test_a_program_that_is_not_installed_is_named(
    valkey: EmbeddedRedis, mongo: EmbeddedMongo, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    for store in (valkey, mongo):
        with pytest.raises(EmbeddedNotInstalled) as missing:
            store.start()
        assert missing.value.name == store.name


def test_a_system_redis_serves_where_none_is_bundled(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = tmp_path / "redis-server"
    program.write_text("#!/bin/sh\necho no such option\nexit 3\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    with pytest.raises(EmbeddedFailed) as failed:
        EmbeddedRedis(tmp_path / "redis").start()
    assert failed.value.detail == "no such option"


def test_a_port_that_is_taken_at_a_restart_is_told_not_changed(valkey: EmbeddedRedis) -> None:
    valkey.start()
    kill(valkey)
    other = EmbeddedRedis(valkey.directory / "other")
    other._port = valkey._port
    other.start()
    try:
        with pytest.raises(EmbeddedFailed, match="in use"):
            valkey.start()
    finally:
        other.stop()


def test_a_directory_that_cannot_be_had_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EmbeddedFailed, match="file: File exists"):
        EmbeddedRedis(tmp_path / "file").start()


def test_a_store_that_never_answers_is_ended(
    valkey: EmbeddedRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "START_DEADLINE_S", 0.0)
    with pytest.raises(EmbeddedFailed, match="no answer within 0 s"):
        valkey.start()
    assert valkey.child is None


def test_both_are_gone_soon_after_their_launcher_was_killed(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", LAUNCHER, tmp_path],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    ) as launcher:
        assert launcher.stdout is not None
        stores = [psutil.Process(int(pid)) for pid in launcher.stdout.readline().split()]
        assert len(stores) == 2
        launcher.send_signal(signal.SIGKILL)
    _, alive = psutil.wait_procs(stores, timeout=8)
    assert not alive
