"""What the embedded Redis does when its file is not what it wrote."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import psutil
import pytest
import redis
from structlog.testing import capture_logs

from storage.embedded import EmbeddedFailed
from storage.embedded_redis import SET_ASIDE, SET_ASIDE_KEPT_S
from tests.support.own_redis import DEADLINE_S, OwnRedis

STREAM = "snb:events"


def test_a_file_that_breaks_off_is_read_up_to_there(store: OwnRedis, client: redis.Redis) -> None:
    for number in range(10):
        client.xadd(STREAM, {"event": number})
    store.die()
    file = store.file(".incr.aof")
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
    file = store.file(".1.incr.aof")
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
    file = store.file(ending)
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
