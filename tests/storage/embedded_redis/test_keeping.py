"""What the embedded Redis has after it was killed, and what is not in its file any more."""

from __future__ import annotations

import sys
from pathlib import Path
from uuid import UUID

import psutil
import pytest
import redis
from structlog.testing import capture_logs

from storage import embedded
from storage.cap_ledger import _marker
from storage.embedded import DataDirectoryLocked, EmbeddedFailed
from storage.embedded_redis import FILES, EmbeddedRedis
from storage.redis import TAGS, user_tag
from tests.support.own_redis import DEADLINE_S, OwnRedis, own_redis, wait_until

STREAM = "snb:events"


def test_killed_it_comes_back_at_its_port_with_all_that_it_answered(
    store: OwnRedis, client: redis.Redis
) -> None:
    for number in range(200):
        client.xadd(STREAM, {"event": number})
    client.set("for_a_while", 1, ex=600)
    store.die()
    assert store.start() == store.url
    assert client.xlen(STREAM) == 200
    assert 0 < client.ttl("for_a_while") <= 600


def test_it_refuses_rather_than_evicts_and_its_file_is_bounded(
    store: OwnRedis, client: redis.Redis
) -> None:
    kept: dict[str, str] = client.config_get("*")  # type: ignore[assignment]
    assert (kept["appendonly"], kept["appendfsync"], kept["save"]) == ("yes", "no", "")
    assert kept["auto-aof-rewrite-percentage"] == "100"
    assert int(kept["auto-aof-rewrite-min-size"]) == 64 * 1024**2
    assert (kept["maxmemory-policy"], int(kept["maxmemory"])) == ("noeviction", 256 * 1024**2)
    assert kept["bind"] == "127.0.0.1"
    assert Path(kept["dir"]) == store.directory


def test_put_in_order_its_file_has_nothing_that_was_taken_out(
    store: OwnRedis, client: redis.Redis
) -> None:
    client.xadd(STREAM, {"event": "thandi@example.org"})
    client.xtrim(STREAM, maxlen=0)
    assert b"thandi" in store.file(".incr.aof").read_bytes()
    store.put_in_order(within_s=DEADLINE_S)
    kept = b"".join(path.read_bytes() for path in store.directory.rglob("*") if path.is_file())
    assert b"thandi" not in kept


def test_at_the_first_start_caps_are_not_believed_and_the_rest_is_and_later_all_is(
    store: OwnRedis, client: redis.Redis
) -> None:
    client.mset({_marker(user_tag(UUID(int=number))): 0 for number in range(TAGS)})
    client.xadd(STREAM, {"event": "kept"})
    store.die()
    store.start()
    assert client.dbsize() == TAGS + 1
    store.stop()
    with own_redis(store.directory) as another, redis.Redis.from_url(another.url) as its_client:
        assert its_client.keys() == [STREAM.encode()]


def test_one_that_dies_as_soon_as_it_is_there_failed(tmp_path: Path) -> None:
    store = GoneAtOnce(tmp_path)
    with pytest.raises(EmbeddedFailed, match="did not what it was told"):
        store.start()
    # Nor is it waited for.
    with capture_logs() as logs:
        store.put_in_order(within_s=0.0)
    assert logs == []


class GoneAtOnce(EmbeddedRedis):
    """A server that answers that it is there and is killed then."""

    def _is_there(self, answer: bytes) -> bool:
        assert self.child is not None
        pid = self.child.pid
        self.kill()
        # Not by `poll`, or it would be known to be gone.
        wait_until(lambda: psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
        return super()._is_there(answer)


def test_one_that_is_silent_is_not_waited_for(store: OwnRedis) -> None:
    store.halt()
    with capture_logs() as logs:
        store.put_in_order(within_s=0.1)
    assert [(line["event"], line["log_level"]) for line in logs] == [
        ("store_not_in_order", "warning")
    ]


def test_one_that_never_came_up_can_be_stopped(tmp_path: Path) -> None:
    store = EmbeddedRedis(tmp_path)
    (tmp_path / FILES).touch()
    with pytest.raises(EmbeddedFailed):
        store.start()
    store.put_in_order(within_s=DEADLINE_S)
    store.stop()


def test_a_directory_that_cannot_be_written_is_told_as_one(tmp_path: Path) -> None:
    (tmp_path / "lock").mkdir()
    with pytest.raises(EmbeddedFailed, match="lock: Is a directory"):
        EmbeddedRedis(tmp_path).start()


def test_what_was_taken_out_while_it_writes_anew_is_not_in_its_file_either(
    store: OwnRedis, client: redis.Redis
) -> None:
    client.mset({f"key {number}": number for number in range(10)})
    client.config_set("rdb-key-save-delay", 20_000)
    client.bgrewriteaof()
    client.xadd(STREAM, {"event": "thandi@example.org"})
    client.xtrim(STREAM, maxlen=0)
    store.put_in_order(within_s=DEADLINE_S)
    kept = b"".join(path.read_bytes() for path in store.directory.rglob("*") if path.is_file())
    assert b"thandi" not in kept


def test_one_that_is_killed_while_it_writes_anew_leaves_nothing_of_that(
    store: OwnRedis, client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.mset({f"key {number}": number for number in range(10)})
    client.config_set("rdb-key-save-delay", 50_000)
    client.bgrewriteaof()
    wait_until(lambda: any(store.directory.glob("temp-*")))
    store.die()
    # Its second process writes on, and is waited for.
    monkeypatch.setattr(embedded, "LOCK_PATIENCE_S", DEADLINE_S)
    store.start()
    assert list(store.directory.glob("temp-*")) == []
    assert client.dbsize() == 10


def test_two_do_not_write_one_file(store: OwnRedis, monkeypatch: pytest.MonkeyPatch) -> None:
    other = EmbeddedRedis(store.directory)
    store.log.write_text("what the first one says")
    monkeypatch.setattr(embedded, "LOCK_PATIENCE_S", 0.0)
    with pytest.raises(DataDirectoryLocked):
        other.start()
    assert store.log.read_text() == "what the first one says"
    child = store.child
    assert child is not None
    psutil.Process(child.pid).terminate()
    monkeypatch.setattr(embedded, "LOCK_PATIENCE_S", DEADLINE_S)
    try:
        other.start()
        assert child.wait(DEADLINE_S) == 0
    finally:
        other.stop()


def test_as_long_as_it_reads_its_file_it_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = LoadingAtFirst(tmp_path)
    monkeypatch.setattr(embedded, "START_DEADLINE_S", DEADLINE_S)
    store.start()
    store.stop()
    assert store.answers == [b"-LOADING Valkey is loading the dataset in memory\r\n", b"+PONG\r\n"]


class LoadingAtFirst(EmbeddedRedis):
    """A server that is slow to read its file: a peer at its port says so, once, in its place."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.answers: list[bytes] = []

    def _command(self, program: Path, port: int) -> list[str | Path]:
        loading = b"-LOADING Valkey is loading the dataset in memory\r\n"
        script = (
            "import os, socket, sys\n"
            f"with socket.create_server(('127.0.0.1', {port})) as listening:\n"
            "    connection, _ = listening.accept()\n"
            "    connection.recv(100)\n"
            f"    connection.sendall({loading!r})\n"
            "    connection.recv(100)\n"
            "    connection.close()\n"
            "os.execv(sys.argv[1], sys.argv[1:])\n"
        )
        return [sys.executable, "-c", script, *super()._command(program, port)]

    def _is_there(self, answer: bytes) -> bool:
        self.answers.append(answer)
        return super()._is_there(answer)
