"""The table of the jobs that workers do by the clock: another job is another entry.

`server/jobs.py` has all jobs that can be run by hand, these included.
"""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from rules.deliveries import SENDING_CHANNELS
from tasks.daily_statistics import DailyStatistics
from tasks.image_purge import ImagePurge
from tasks.retention import Retention
from tasks.rounds import Done, Job
from tasks.weekly_digest import WeeklyDigests

if TYPE_CHECKING:
    from datetime import datetime

    from storage.image_objects import ImageObjects
    from storage.images import ImagesRepository
    from storage.positions import PositionClock
    from storage.stores import Stores
    from tasks.archives.archive import Archive
    from tasks.due import DueDeliveries

DUE_EVERY = timedelta(seconds=2)
"""What is due starts within 5 s of its time (contract section 5)."""

REPAIR_EVERY = timedelta(seconds=60)
PURGE_IMAGES_EVERY = timedelta(minutes=10)

DIGEST_EVERY = timedelta(minutes=5)
"""They are planned ahead; this is how late one is that nobody was there to plan."""

RETAIN_EVERY = timedelta(hours=1)
RETAIN_WITHIN = timedelta(minutes=45)
"""Shorter than until it is due again, so that two do not meet."""

COUNT_EVERY = timedelta(minutes=5)
"""How long a day that is over may be counted anew whenever somebody asks for it."""

COUNT_DEADLINE = timedelta(minutes=10)
"""What is not counted by then is the next run's: each day is kept by itself."""


def sweep(stores: Stores, due: DueDeliveries) -> tuple[Job, ...]:
    """Return the jobs that find what was forgotten, left half done, or deferred until now."""

    async def repair(_as_of: datetime) -> Done:
        return Done(await stores.following.repair(), "follows repaired")

    return (
        *(
            # A job each: a channel that is slow to look at, or to send, holds up no other.
            Job(name=f"due-{channel.value}", every=DUE_EVERY, work=partial(due.look, channel))
            for channel in SENDING_CHANNELS
        ),
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


def analytics(stores: Stores, clock: PositionClock, *, has_all: bool = False) -> tuple[Job, ...]:
    """Return the job that counts the days that are over: those due, or all that are not final."""
    statistics = DailyStatistics(stores.fates, stores.opt_outs, stores.daily_stats, clock)

    async def count(as_of: datetime) -> Done:
        counted = await (statistics.count_open if has_all else statistics.count_due)(as_of)
        return Done(counted, "days counted")

    return (Job(name="analytics", every=COUNT_EVERY, work=count, deadline=COUNT_DEADLINE),)


def image_purge(images: ImagesRepository, objects: ImageObjects) -> Job:
    """Return the job that removes uploaded pictures whose time is over."""
    purge = ImagePurge(images, objects)
    return Job(name="purge-images", every=PURGE_IMAGES_EVERY, work=purge.purge)


def weekly_digest(stores: Stores, clock: PositionClock) -> Job:
    """Return the job that has digests told when their time has come."""
    digests = WeeklyDigests(stores.events, stores.schedules, clock)
    return Job(name="weekly-digest", every=DIGEST_EVERY, work=digests.run)


def worker_jobs(
    stores: Stores,
    clock: PositionClock,
    due: DueDeliveries,
    archive: Archive | None,
    objects: ImageObjects,
) -> tuple[Job, ...]:
    """Return all jobs of a worker."""
    return (
        *sweep(stores, due),
        weekly_digest(stores, clock),
        retention(stores, clock, archive, within=RETAIN_WITHIN),
        *analytics(stores, clock),
        image_purge(stores.images, objects),
    )
