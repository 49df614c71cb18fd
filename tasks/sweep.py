"""What a worker does by the clock: look for deliveries that are due, and repair follows.

Each round is one worker's, whichever is first; what it does not get to, the next round finds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import redis
import structlog

from storage.client import StoreRefused, StoreUnavailable
from tasks.turn import Turn

LOOK_EVERY = timedelta(seconds=2)
"""What is due starts within 5 s of its time (contract section 5)."""

REPAIR_EVERY = timedelta(seconds=60)

ROUND_DEADLINE_S = 50.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Round:
    """A job that is done every so often; what it returns is logged when it is true."""

    name: str
    every: timedelta
    work: Callable[[], Awaitable[Any]]


async def go_round(job: Round, turns: redis.Redis) -> None:
    """Do `job` every so often, in turn with all other workers, until cancelled."""
    turn = Turn(turns, job.name, job.every * 0.9)
    while True:
        if await turn.is_ours():
            await work(job)
        await asyncio.sleep(job.every.total_seconds())


async def work(job: Round) -> None:
    """Do `job` once; a store that is away is no error, the next round finds the same."""
    try:
        async with asyncio.timeout(ROUND_DEADLINE_S):
            done = await job.work()
    except (StoreUnavailable, StoreRefused, redis.RedisError, TimeoutError) as error:
        log.warning("round_put_off", job=job.name, error=type(error).__name__)
    else:
        if done:
            log.info("round_done", job=job.name, done=str(done))
