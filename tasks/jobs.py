"""The table of the jobs that workers do by the clock: another job is another entry.

`server/jobs.py` has all jobs that can be run by hand, these included.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from tasks.retention import Retention
from tasks.rounds import Done, Job

if TYPE_CHECKING:
    from datetime import datetime

    from storage.positions import PositionClock
    from storage.stores import Stores
    from tasks.archives.archive import Archive
    from tasks.due import DueDeliveries

DUE_EVERY = timedelta(seconds=2)
"""What is due starts within 5 s of its time (contract section 5)."""

REPAIR_EVERY = timedelta(seconds=60)

RETAIN_EVERY = timedelta(hours=1)
RETAIN_WITHIN = timedelta(minutes=45)
"""Shorter than until it is due again, so that two do not meet."""


def sweep(stores: Stores, due: DueDeliveries) -> tuple[Job, ...]:
    """Return the jobs that find what was forgotten, left half done, or deferred until now."""

    async def repair(_as_of: datetime) -> Done:
        return Done(await stores.following.repair(), "follows repaired")

    return (
        Job(name="due-deliveries", every=DUE_EVERY, work=due.look),
        Job(name="repair-follows", every=REPAIR_EVERY, work=repair),
    )


def retention(
    stores: Stores, clock: PositionClock, archive: Archive | None, *, within: timedelta
) -> Job:
    """Return the job that blanks and removes what is old, for at most `within` a run."""
    work = Retention(stores.aged, stores.retention, clock, within=within, archive=archive)
    return Job(
        name="retention",
        every=RETAIN_EVERY,
        work=work.run,
        # It stops by itself; this is for a batch that hangs.
        deadline=within + timedelta(minutes=5),
    )


def worker_jobs(
    stores: Stores, clock: PositionClock, due: DueDeliveries, archive: Archive | None
) -> tuple[Job, ...]:
    """Return all jobs of a worker."""
    return (*sweep(stores, due), retention(stores, clock, archive, within=RETAIN_WITHIN))
