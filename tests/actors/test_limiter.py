"""Redis is a server of the test's own here, so that it can be killed and come back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import structlog

from actors.limiter import PROBE_EVERY_S, Limiter
from actors.loop_ref import LoopActorRef
from rules.rate_limits import Check, RateLimit, Standing
from storage.rate_windows import RateWindows
from storage.redis import RedisStore
from tests.support.own_redis import OwnRedis, own_redis
from tests.support.world import eventually

WITHIN_S = 30.0
TWO = (RateLimit("two", 2, 60),)


class Clock:
    """Monotonic time that stands still unless it is moved."""

    def __init__(self) -> None:
        self.now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def store(tmp_path: Path) -> Iterator[OwnRedis]:
    with own_redis(tmp_path / "redis") as server:
        yield server


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def limiter(store: OwnRedis, clock: Clock) -> AsyncIterator[LoopActorRef[Limiter]]:
    redis = RedisStore(store.url)
    ref = Limiter.start(RateWindows(redis), monotonic=clock)
    yield ref
    await ref.stop_and_wait(deadline_s=WITHIN_S)
    await redis.close()


@pytest.fixture
def logged() -> Iterator[list[Any]]:
    with structlog.testing.capture_logs() as entries:
        yield entries


async def ask(limiter: LoopActorRef[Limiter], caller: UUID) -> Standing:
    standing: Standing = await limiter.request(Check(caller, TWO), deadline_s=WITHIN_S)
    return standing


async def admitted(limiter: LoopActorRef[Limiter], caller: UUID, times: int) -> int:
    standings = await asyncio.gather(*(ask(limiter, caller) for _ in range(times)))
    return sum(standing.is_admitted for standing in standings)


async def test_all_that_wait_are_one_round_trip(
    limiter: LoopActorRef[Limiter], store: OwnRedis
) -> None:
    observer = RedisStore(store.url)
    await ask(limiter, uuid4())
    caller = uuid4()
    async with observer.call() as redis:
        before = await redis.info("commandstats")
        assert await admitted(limiter, caller, 100) == 2
        after = await redis.info("commandstats")
    await observer.close()
    name = "cmdstat_evalsha"
    assert after[name]["calls"] - before[name]["calls"] == 1


async def test_while_redis_is_away_this_process_counts_by_itself(
    limiter: LoopActorRef[Limiter], store: OwnRedis, clock: Clock, logged: list[Any]
) -> None:
    caller = uuid4()
    assert await admitted(limiter, caller, 5) == 2
    store.stop()
    assert await admitted(limiter, caller, 5) == 2
    clock.now_s += 61
    assert await admitted(limiter, caller, 5) == 2
    assert [entry["event"] for entry in logged] == ["rate_limits_are_local"]


async def test_it_goes_back_to_redis_by_itself_and_says_so_once(
    limiter: LoopActorRef[Limiter], store: OwnRedis, clock: Clock, logged: list[Any]
) -> None:
    store.stop()
    await ask(limiter, uuid4())
    clock.now_s += PROBE_EVERY_S
    await ask(limiter, uuid4())
    store.start()

    async def is_shared() -> bool:
        clock.now_s += PROBE_EVERY_S
        await ask(limiter, uuid4())
        return any(entry["event"] == "rate_limits_are_shared_again" for entry in logged)

    await eventually(is_shared)
    other = RedisStore(store.url)
    caller = uuid4()
    elsewhere = RateWindows(other)
    assert await admitted(limiter, caller, 1) == 1
    found = await elsewhere.check([Check(caller, TWO)] * 3)
    assert [each.is_admitted for each in found] == [True, False, False]
    await other.close()
    assert [entry["event"] for entry in logged] == [
        "rate_limits_are_local",
        "rate_limits_are_shared_again",
    ]


async def test_no_request_waits_for_a_server_that_does_not_answer(
    limiter: LoopActorRef[Limiter], store: OwnRedis, clock: Clock
) -> None:
    await ask(limiter, uuid4())
    store.halt()
    await ask(limiter, uuid4())
    loop = asyncio.get_running_loop()
    began = loop.time()
    for _ in range(50):
        clock.now_s += PROBE_EVERY_S
        await ask(limiter, uuid4())
    # Of which each alone would wait for a second.
    assert loop.time() - began < 20


async def test_it_stops_while_it_looks_for_redis(
    limiter: LoopActorRef[Limiter], store: OwnRedis, clock: Clock
) -> None:
    store.halt()
    await ask(limiter, uuid4())
    clock.now_s += PROBE_EVERY_S
    await ask(limiter, uuid4())
    assert await limiter.stop_and_wait(deadline_s=0.5)
