"""What the embedded Redis has after it was killed, and when its file is not what it wrote."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID

import psutil
import pytest
import redis
from structlog.testing import capture_logs

from storage import embedded
from storage.cap_ledger import _marker
from storage.embedded import DataDirectoryLocked, EmbeddedFailed
from storage.embedded_redis import FILES, SET_ASIDE, SET_ASIDE_KEPT_S, EmbeddedRedis
from storage.redis import TAGS, user_tag
from tests.support.own_redis import OwnRedis, own_redis

DEADLINE_S = 60.0
STREAM = "snb:events"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[OwnRedis]:
    with own_redis(tmp_path / "redis") as store:
        yield store


@pytest.fixture
def client(store: OwnRedis) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(store.url) as client:
        yield client


def file_of(store: OwnRedis, ending: str) -> Path:
    (found,) = (store.directory / FILES).glob(f"*{ending}")
    return found


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not is_so():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


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
    assert b"thandi" in file_of(store, ".incr.aof").read_bytes()
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


def test_a_file_that_breaks_off_is_read_up_to_there(store: OwnRedis, client: redis.Redis) -> None:
    for number in range(10):
        client.xadd(STREAM, {"event": number})
    store.die()
    file = file_of(store, ".incr.aof")
    file.write_bytes(file.read_bytes()[:-3])
    with capture_logs() as logs:
        store.start()
    assert (client.xlen(STREAM), logs) == (9, [])
    client.xadd(STREAM, {"event": 10})
    store.die()
    store.start()
    assert client.xlen(STREAM) == 10


def test_a_file_that_breaks_off_while_it_is_written_anew_is_read_up_to_there(
    store: OwnRedis, client: redis.Redis
) -> None:
    for number in range(10):
        client.xadd(STREAM, {"event": number})
    client.config_set("rdb-key-save-delay", 10_000_000)
    client.bgrewriteaof()
    file = file_of(store, ".1.incr.aof")
    client.xadd(STREAM, {"event": 10})
    (writing,) = psutil.Process(store.child.pid if store.child else 0).children()
    store.die()
    writing.kill()
    file.write_bytes(file.read_bytes()[:-3])
    with capture_logs() as logs:
        store.start()
    assert (client.xlen(STREAM), logs) == (10, [])


def end_in_zeros(content: bytes) -> bytes:
    """Return what a machine leaves that went down before it wrote what it had made room for."""
    return content + bytes(400)


def lose_the_end(content: bytes) -> bytes:
    return content[:-30]


def be_of_the_future(content: bytes) -> bytes:
    """Return what a later program wrote, of which this one knows nothing."""
    return b"VALKEY099" + content[9:]


def lose_all(_content: bytes) -> bytes:
    return b""


@pytest.mark.parametrize(
    ("ending", "damage"),
    [
        pytest.param(".incr.aof", end_in_zeros, id="file"),
        pytest.param(".base.rdb", lose_the_end, id="base"),
        pytest.param(".base.rdb", be_of_the_future, id="version"),
        pytest.param(".manifest", lose_all, id="list"),
    ],
)
def test_what_it_cannot_read_is_set_aside_and_told(
    store: OwnRedis, client: redis.Redis, ending: str, damage: Callable[[bytes], bytes]
) -> None:
    client.xadd(STREAM, {"event": "kept aside"})
    store.put_in_order(within_s=DEADLINE_S)
    (store.directory / SET_ASIDE).mkdir()
    (store.directory / SET_ASIDE / "of an earlier time").touch()
    store.die()
    file = file_of(store, ending)
    damaged = damage(file.read_bytes())
    file.write_bytes(damaged)
    with capture_logs() as logs:
        assert store.start() == store.url
    assert client.dbsize() == 0
    assert [(line["event"], line["log_level"]) for line in logs] == [
        ("store_files_damaged", "error")
    ]
    assert logs[0]["set_aside"] == str(store.directory / SET_ASIDE)
    assert (store.directory / SET_ASIDE / file.name).read_bytes() == damaged
    assert not (store.directory / SET_ASIDE / "of an earlier time").exists()
    client.set("a", 1)
    store.die()
    store.start()
    assert client.get("a") == b"1"


def test_what_was_set_aside_is_removed_after_a_week(store: OwnRedis) -> None:
    kept = store.directory / SET_ASIDE
    kept.mkdir()
    for age_s, is_there in ((SET_ASIDE_KEPT_S - DEADLINE_S, True), (SET_ASIDE_KEPT_S + 1, False)):
        os.utime(kept, (time.time() - age_s,) * 2)
        store.die()
        store.start()
        assert kept.exists() is is_there


def test_what_is_no_damage_leaves_the_files_where_they_are(
    store: OwnRedis, client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.set("a", 1)
    store.die()
    command = store._command
    monkeypatch.setattr(
        store, "_command", lambda program, port: [*command(program, port), "--no-such", "1"]
    )
    with pytest.raises(EmbeddedFailed):
        store.start()
    monkeypatch.undo()
    store.start()
    assert client.get("a") == b"1"


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
