"""The table of the jobs that workers do by the clock: another job is another entry.

`server/jobs.py` has all jobs that can be run by hand, these included.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from tasks.rounds import Done, Job

if TYPE_CHECKING:
    from datetime import datetime

    from storage.stores import Stores
    from tasks.due import DueDeliveries

DUE_EVERY = timedelta(seconds=2)
"""What is due starts within 5 s of its time (contract section 5)."""

REPAIR_EVERY = timedelta(seconds=60)


def sweep(stores: Stores, due: DueDeliveries) -> tuple[Job, ...]:
    """Return the jobs that find what was forgotten, left half done, or deferred until now."""

    async def repair(_as_of: datetime) -> Done:
        return Done(await stores.following.repair(), "follows repaired")

    return (
        Job(name="due-deliveries", every=DUE_EVERY, work=due.look),
        Job(name="repair-follows", every=REPAIR_EVERY, work=repair),
    )


def worker_jobs(stores: Stores, due: DueDeliveries) -> tuple[Job, ...]:
    """Return all jobs of a worker."""
    return sweep(stores, due)
