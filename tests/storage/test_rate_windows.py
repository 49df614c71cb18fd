from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from tornado.testing import bind_unused_port

from rules.rate_limits import Check, RateLimit
from storage import rate_windows
from storage.rate_windows import CELLS, RateWindows
from storage.redis import RedisStore, RedisUnavailable, tagged_key
from tests.support.redis_cluster import LocalCluster

Open = Callable[[], RateWindows]

BUSY_S = 30.0
"""How long a machine that has much else to do may take."""


@pytest.fixture(params=["plain", "cluster"])
async def open_windows(
    request: pytest.FixtureRequest,
    redis_url: str,
    redis_cluster_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Open]:
    """Give the windows as one more process sees them, on one server and on a cluster."""
    monkeypatch.setattr(rate_windows, "CHECK_WITHIN_S", BUSY_S)
    opened = []

    def open_one() -> RateWindows:
        redis = RedisStore(redis_url if request.param == "plain" else redis_cluster_url)
        opened.append(redis)
        return RateWindows(redis)

    yield open_one
    for redis in opened:
        await redis.close()


async def is_admitted(windows: RateWindows, caller: UUID, *limits: RateLimit) -> bool:
    (standing,) = await windows.check([Check(caller, limits)])
    return standing.is_admitted


async def test_a_caller_is_told_where_they_stand(open_windows: Open) -> None:
    windows, caller = open_windows(), uuid4()
    minute = RateLimit("minute", 2, 60)
    for remaining in (1, 0):
        (found,) = await windows.check([Check(caller, (minute,))])
        assert (found.is_admitted, found.limit, found.remaining) == (True, minute, remaining)
        assert 59 - BUSY_S <= found.resets_in_s <= 60
    (refused,) = await windows.check([Check(caller, (minute,))])
    assert (refused.is_admitted, refused.remaining) == (False, 0)
    assert 59 - BUSY_S <= refused.resets_in_s <= 60
    assert await is_admitted(windows, uuid4(), minute)


async def test_processes_share_every_limit_exactly(open_windows: Open) -> None:
    processes = [open_windows() for _ in range(3)]
    callers = [uuid4() for _ in range(20)]
    limit = RateLimit("shared", 7, 60)

    async def ask(windows: RateWindows) -> list[tuple[UUID, bool]]:
        found = []
        for _ in range(3):
            checks = [Check(caller, (limit,)) for caller in callers for _ in range(2)]
            standings = await windows.check(checks)
            found += [(c.caller, s.is_admitted) for c, s in zip(checks, standings, strict=True)]
        return found

    asked = [each for found in await asyncio.gather(*map(ask, processes)) for each in found]
    for caller in callers:
        assert sum(let_in for who, let_in in asked if who == caller) == 7


@pytest.mark.parametrize("most", [5, CELLS + 20])
async def test_no_window_ever_holds_more_than_may_be(open_windows: Open, most: int) -> None:
    """By the times of asking: what is counted happened after it was sent and before the answer."""
    windows, caller = open_windows(), uuid4()
    limit = RateLimit("sliding", most, 0.15)
    sent: list[float] = []
    answered: list[float] = []
    while len(sent) <= 3 * most:
        began = time.monotonic()
        if await is_admitted(windows, caller, limit):
            sent.append(began)
            answered.append(time.monotonic())
    for began, ended in zip(sent, answered[most:], strict=False):
        assert ended - began >= limit.window_s


async def test_the_one_that_waited_as_told_is_let_in(open_windows: Open) -> None:
    windows, caller = open_windows(), uuid4()
    limit = RateLimit("again", 1, 0.1)
    assert await is_admitted(windows, caller, limit)
    began = time.monotonic()
    while not await is_admitted(windows, caller, limit):
        assert time.monotonic() - began < 5


async def test_what_one_limit_refuses_counts_to_none(open_windows: Open) -> None:
    windows, caller = open_windows(), uuid4()
    tight, wide = RateLimit("tight", 1, 60), RateLimit("wide", 3, 60)
    assert await is_admitted(windows, caller, tight, wide)
    for _ in range(5):
        assert not await is_admitted(windows, caller, tight, wide)
    assert [await is_admitted(windows, caller, wide) for _ in range(3)] == [True, True, False]


async def test_looking_counts_nothing(open_windows: Open) -> None:
    windows, caller = open_windows(), uuid4()
    limits = (RateLimit("looked-at", 1, 60),)
    look = Check(caller, limits, is_counted=False)
    for _ in range(3):
        (found,) = await windows.check([look])
        assert (found.is_admitted, found.remaining, found.resets_in_s) == (True, 1, 0)
    assert await is_admitted(windows, caller, *limits)
    (found,) = await windows.check([look])
    assert (found.is_admitted, found.remaining) == (False, 0)


async def test_where_none_may_nobody_is_let_in(open_windows: Open) -> None:
    (found,) = await open_windows().check([Check(uuid4(), (RateLimit("none", 0, 60),))])
    assert (found.is_admitted, found.resets_in_s) == (False, 60)


async def test_each_check_of_a_batch_has_its_own_answer(open_windows: Open) -> None:
    windows = open_windows()
    callers = [uuid4() for _ in range(50)]
    limits = (RateLimit("batch", 1, 60), RateLimit("batch-wide", 9, 60))
    used_up = callers[::2]
    await windows.check([Check(caller, limits) for caller in used_up])
    found = await windows.check([Check(caller, limits) for caller in callers])
    assert [each.is_admitted for each in found] == [caller not in used_up for caller in callers]


async def test_a_window_that_admits_thousands_keeps_few(redis_url: str) -> None:
    redis = RedisStore(redis_url)
    windows, caller = RateWindows(redis), uuid4()
    limit = RateLimit("many", 6_000, 0.5)
    admitted = 0
    while admitted < 4 * CELLS:
        found = await windows.check([Check(caller, (limit,))] * 2)
        admitted += sum(each.is_admitted for each in found)
    key = tagged_key("rate:many", caller)
    async with redis.call() as client:
        assert await client.llen(key) <= 2 * (CELLS + 2)
        assert (await client.memory_usage(key) or 0) < 3_000
        assert 0 < await client.pttl(key) <= 502
    await redis.close()


async def test_a_server_that_forgot_the_script_is_sent_it_again(redis_url: str) -> None:
    redis = RedisStore(redis_url)
    windows, caller = RateWindows(redis), uuid4()
    limit = RateLimit("script", 2, 60)
    assert await is_admitted(windows, caller, limit)
    async with redis.call() as client:
        await client.script_flush()
    assert await is_admitted(windows, caller, limit)
    assert not await is_admitted(windows, caller, limit)
    await redis.close()


async def test_a_server_that_refuses_is_unavailable(redis_url: str) -> None:
    redis = RedisStore(redis_url)
    caller = uuid4()
    async with redis.call() as client:
        await client.set(tagged_key("rate:wrong", caller), "not a window")
    with pytest.raises(RedisUnavailable, match="WRONGTYPE"):
        await is_admitted(RateWindows(redis), caller, RateLimit("wrong", 1, 60))
    await redis.close()


async def test_nobody_there_is_unavailable() -> None:
    socket, port = bind_unused_port()
    socket.close()
    redis = RedisStore(f"redis://127.0.0.1:{port}/0")
    with pytest.raises(RedisUnavailable):
        await RateWindows(redis).probe()
    await redis.close()


async def test_a_cluster_that_lost_a_node_is_unavailable(tmp_path: Path) -> None:
    cluster = LocalCluster(tmp_path)
    redis = RedisStore(cluster.start())
    try:
        windows = RateWindows(redis)
        await windows.probe()
        cluster.nodes[2].stop()
        with pytest.raises(RedisUnavailable):
            await windows.probe()
    finally:
        await redis.close()
        cluster.stop()


async def test_a_probe_gets_through_to_every_part(open_windows: Open) -> None:
    await open_windows().probe()
