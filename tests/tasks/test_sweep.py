from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
import redis
from huey import PriorityRedisHuey
from structlog.testing import capture_logs

from storage.client import StoreRefused, StoreUnavailable
from tasks import sweep
from tasks.sweep import Round, go_round, work
from tests.support.world import eventually


def job(work: Any, *, every: timedelta = timedelta(milliseconds=5)) -> Round:
    return Round("job", every, work)


async def test_a_job_is_done_again_and_again_until_it_is_stopped(huey: PriorityRedisHuey) -> None:
    done = 0

    async def count() -> None:
        nonlocal done
        done += 1

    going = asyncio.create_task(go_round(job(count), huey.storage.conn))

    async def enough() -> bool:
        return done >= 3

    await eventually(enough)
    going.cancel()
    await asyncio.wait([going])
    assert going.cancelled()


async def test_a_round_that_is_another_workers_is_left_out(huey: PriorityRedisHuey) -> None:
    huey.storage.conn.set("snb:turn:job", 1)
    asked = 0

    class Counted:
        def set(self, *args: Any, **kwargs: Any) -> Any:
            nonlocal asked
            asked += 1
            return huey.storage.conn.set(*args, **kwargs)

    async def fail() -> None:
        raise AssertionError("it was not ours")

    going = asyncio.create_task(go_round(job(fail), Counted()))  # type: ignore[arg-type]

    async def enough() -> bool:
        return asked >= 3

    await eventually(enough)
    assert not going.done()
    going.cancel()
    await asyncio.wait([going])


@pytest.mark.parametrize("result", [None, 0, 7])
async def test_what_was_done_is_logged_when_it_was_anything(result: int | None) -> None:
    async def answer() -> int | None:
        return result

    with capture_logs() as logs:
        await work(job(answer))
    assert [line["done"] for line in logs] == (["7"] if result else [])


@pytest.mark.parametrize(
    "error", [StoreUnavailable("away"), StoreRefused("no", 1), redis.ConnectionError("gone")]
)
async def test_a_store_that_is_away_puts_the_round_off(error: Exception) -> None:
    async def fail() -> None:
        raise error

    with capture_logs() as logs:
        await work(job(fail))
    assert [(line["event"], line["error"]) for line in logs] == [
        ("round_put_off", type(error).__name__)
    ]


async def test_a_round_that_takes_too_long_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "ROUND_DEADLINE_S", 0.01)
    with capture_logs() as logs:
        await work(job(asyncio.Event().wait))
    assert [line["error"] for line in logs] == ["TimeoutError"]
