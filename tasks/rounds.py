"""Do jobs by the clock, each in turn with all other processes: one of them does it.

What a job does may be done twice: a run that takes longer than until it is due again is no secret
to the others, and one that was killed is begun again by any of them.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog

from storage.client import StoreRefused, StoreUnavailable
from storage.jobs import JobsRepository
from storage.positions import PositionClock

LOOK_EVERY = timedelta(seconds=30)
"""How often at least a process looks whether a job is due, however seldom that is."""

AGAIN_AFTER = timedelta(seconds=60)
"""When a job that failed is tried again, unless it is due sooner anyway."""

DEADLINE = timedelta(seconds=50)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Done:
    """How much a job did, in words: false when it was nothing."""

    count: int
    words: str

    def __bool__(self) -> bool:
        """Tell whether there was anything."""
        return self.count > 0

    def __str__(self) -> str:
        """Return the sentence for operators."""
        return f"{self.count} {self.words}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Something to be done every so often, by one of all processes."""

    name: str
    every: timedelta
    work: Callable[[datetime], Awaitable[Any]]
    """Does what is to be done as of a time; what it returns is as `Done` is."""

    deadline: timedelta = DEADLINE
    """A run that takes longer is cut; what is left is the next one's."""


class Rounds:
    """The jobs of one process, by the clock or by hand."""

    def __init__(self, jobs: JobsRepository, clock: PositionClock) -> None:
        self._jobs = jobs
        self._clock = clock

    async def go(self, job: Job) -> None:
        """Do `job` whenever it is due and nobody else does it, until cancelled."""
        look_every_s = min(job.every, LOOK_EVERY).total_seconds()
        while True:
            await self.look(job)
            await asyncio.sleep(look_every_s)

    async def look(self, job: Job) -> None:
        """Do `job` if it is due; what fails is logged, kept on record, and tried again."""
        now = self._clock.store_now()
        try:
            # A little less: whoever looks as often as it is due should find it so.
            if not await self._jobs.begin(job.name, at=now, again_at=now + 0.9 * job.every):
                return
            done = await self.carry_out(job, now)
        except (StoreUnavailable, StoreRefused, TimeoutError) as error:
            log.warning("job_put_off", job=job.name, error=type(error).__name__)
        except Exception:
            log.exception("job_failed", job=job.name)
        else:
            if done:
                log.info("job_done", job=job.name, done=str(done))

    async def carry_out(self, job: Job, as_of: datetime) -> Any:
        """Do `job` once as of then, keep on record how it went, and return what it did.

        Raises what it raises, and TimeoutError when it was cut at its deadline.
        """
        began_s = time.monotonic()
        try:
            async with asyncio.timeout(job.deadline.total_seconds()):
                done = await job.work(as_of)
        except Exception as error:
            with suppress(StoreUnavailable, StoreRefused):
                now = self._clock.store_now()
                await self._jobs.failed(
                    job.name,
                    type(error).__name__,
                    at=now,
                    took=_since(began_s),
                    again_at=now + min(0.9 * job.every, AGAIN_AFTER),
                )
            raise
        now = self._clock.store_now()
        await self._jobs.succeeded(job.name, str(done), at=now, took=_since(began_s))
        return done


def _since(began_s: float) -> timedelta:
    return timedelta(seconds=time.monotonic() - began_s)
