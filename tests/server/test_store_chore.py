"""Real stores are told their chore; the time is the test's."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import redis
from structlog.testing import capture_logs

from server.children import StoreChild
from server.store_chore import EVERY_S, LONGEST_S, StoreChore
from storage.embedded import EmbeddedMongo
from storage.embedded_redis import FILES, EmbeddedRedis
from tests.support.own_redis import OwnRedis, own_redis

DEADLINE_S = 60.0


def look_until(chore: StoreChore, now_s: float, is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not is_so():
        assert time.monotonic() < deadline, "it did not happen in time"
        chore.look(now_s)
        time.sleep(0.005)


def base(store: OwnRedis) -> Path:
    return next((store.directory / FILES).glob("*.base.rdb"))


def test_redis_writes_its_file_anew_at_the_start_and_every_half_minute(tmp_path: Path) -> None:
    with own_redis(tmp_path / "redis") as store:
        chore = StoreChore(StoreChild(store))
        for now_s in (1_000.0, 1_000.0 + EVERY_S):
            before = base(store)
            look_until(chore, now_s, lambda before=before: not before.exists())  # type: ignore[misc]
            with redis.Redis.from_url(store.url) as client:
                told = client.info("commandstats")["cmdstat_bgrewriteaof"]["calls"]
                chore.look(now_s + EVERY_S - 1)
                client.ping()
                assert client.info("commandstats")["cmdstat_bgrewriteaof"]["calls"] == told
        chore.close()


def test_one_that_refuses_is_told_of_and_asked_again_in_time(tmp_path: Path) -> None:
    with own_redis(tmp_path / "redis") as store, redis.Redis.from_url(store.url) as client:
        client.config_set("requirepass", "a password that the launcher does not know")
        chore = StoreChore(StoreChild(store))
        with capture_logs() as logs:
            look_until(chore, 1_000.0, lambda: bool(logs))
            chore.look(1_000.0 + EVERY_S - 1)
            look_until(chore, 1_000.0 + EVERY_S, lambda: len(logs) > 1)
        chore.close()
    assert [(line["event"], line["log_level"]) for line in logs] == [
        ("store_refuses_its_chore", "warning")
    ] * 2
    assert logs[0]["answer"].startswith("-NOAUTH")


def test_one_that_does_not_get_to_the_end_is_told_of_and_waited_for_longer(
    tmp_path: Path,
) -> None:
    with own_redis(tmp_path / "redis") as store, redis.Redis.from_url(store.url) as client:
        assert store.child is not None
        client.set("more than the file may hold", os.urandom(100_000))
        limits = psutil.Process(store.child.pid)
        unlimited = limits.rlimit(psutil.RLIMIT_FSIZE)
        limits.rlimit(psutil.RLIMIT_FSIZE, (50_000, unlimited[1]))
        chore = StoreChore(StoreChild(store))
        with capture_logs() as logs:
            told_at_s = 1_000.0
            for wait_s in (0.0, EVERY_S, 2 * EVERY_S):
                if wait_s:
                    before = calls(client)
                    chore.look(told_at_s + wait_s - 1)
                    assert calls(client) == before
                told_at_s += wait_s
                tell(chore, told_at_s, client)
        limits.rlimit(psutil.RLIMIT_FSIZE, unlimited)
        with capture_logs() as later:
            for _ in range(2):
                told_at_s += LONGEST_S
                tell(chore, told_at_s, client)
        chore.close()
    assert [(line["event"], line["log_level"], line["again_in_s"]) for line in logs] == [
        ("store_chore_failed", "error", 2 * EVERY_S),
        ("store_chore_failed", "error", 4 * EVERY_S),
    ]
    # The next one tells of the third, and the last of none.
    assert [line["again_in_s"] for line in later] == [8 * EVERY_S]


def calls(client: redis.Redis) -> int:
    told = client.info("commandstats").get("cmdstat_bgrewriteaof", {"calls": 0})
    return int(told["calls"])


def tell(chore: StoreChore, now_s: float, client: redis.Redis) -> None:
    """Have it told once, and that ended."""
    before = calls(client)
    look_until(chore, now_s, lambda: calls(client) > before)
    # Its answer is here as well, as the server answers in order.
    chore.look(now_s)
    deadline = time.monotonic() + DEADLINE_S
    while client.info("persistence")["aof_rewrite_in_progress"]:
        assert time.monotonic() < deadline, "it did not end in time"
        time.sleep(0.005)


def test_a_store_that_is_away_is_told_when_it_is_back(tmp_path: Path) -> None:
    with own_redis(tmp_path / "redis") as store:
        chore = StoreChore(StoreChild(store))
        store.die()
        chore.look(1_000.0)
        store.start()
        before = base(store)
        look_until(chore, 1_000.0, lambda: not before.exists())
        chore.close()


def test_the_database_has_no_chore(tmp_path: Path) -> None:
    stores = EmbeddedMongo(tmp_path), EmbeddedRedis(tmp_path)
    assert [StoreChild(store).has_chore for store in stores] == [False, True]
