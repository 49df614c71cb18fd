"""The periodic jobs by name, to be run once by hand: `run.py task NAME` (contract section 8).

Workers do theirs by the clock, too; schedules are carried out by server processes, which look for
them all the time. Another job is another entry of `JOBS`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from actors.due_schedules import DueSchedules
from actors.scheduler import WAKE_EVERY_S
from config.settings import Settings
from storage.client import open_client
from storage.encryption import FieldCipher
from storage.events import NewEvent
from storage.indexes import ensure_indexes
from storage.positions import PositionClock
from storage.stores import Stores, open_stores
from tasks.archives.archive import Archive
from tasks.consumers import busy_tasks, threads_of
from tasks.due import DueDeliveries
from tasks.hueys import open_hueys
from tasks.jobs import analytics, retention, sweep, weekly_digest
from tasks.liveness import Liveness
from tasks.pauses import Pauses
from tasks.queue import DeliveryQueue
from tasks.rounds import Done, Job, Rounds

RETAIN_WITHIN = timedelta(days=1)
"""Who runs it by hand wants all of it done."""


@dataclass(frozen=True, slots=True)
class Workplace:
    """What jobs work with."""

    stores: Stores
    clock: PositionClock
    due: DueDeliveries
    archive: Archive | None


def _schedules(place: Workplace) -> Sequence[Job]:
    due_schedules = DueSchedules(place.stores.schedules, place.clock)

    async def accept(events: Sequence[NewEvent]) -> None:
        await place.stores.events.accept(events, accepted_at=place.clock.store_now())

    async def send(as_of: datetime) -> Done:
        """Make events of what is due; a server process carries these out at once."""
        count, has_more = 0, True
        while has_more:
            done = await due_schedules.carry_out(accept, by=as_of)
            count, has_more = count + done.count, done.has_more
        return Done(count, "due and handed over to be sent")

    return (Job(name="schedules", every=timedelta(seconds=WAKE_EVERY_S), work=send),)


def _retention(place: Workplace) -> Sequence[Job]:
    return (retention(place.stores, place.clock, place.archive, within=RETAIN_WITHIN),)


JOBS: Mapping[str, Callable[[Workplace], Sequence[Job]]] = {
    "analytics": lambda place: analytics(place.stores, place.clock, has_all=True),
    "schedules": _schedules,
    "weekly-digest": lambda place: (weekly_digest(place.stores, place.clock),),
    "retention": _retention,
    "sweep": lambda place: sweep(place.stores, place.due),
}
"""What `run.py task` knows -> the jobs that are done for it, one after the other."""


async def run_jobs(
    settings: Settings,
    name: str,
    as_of: datetime | None,
    *,
    archive: Archive | None,
    say: Callable[[str], object],
) -> None:
    """Run the jobs `name` once, as of now unless told otherwise, and say of each what it did.

    The settings name the stores. Raises StoreUnavailable, ArchiveUnavailable, and TimeoutError when
    one was cut.
    """
    async with _workplace(settings, name, archive) as place:
        rounds = Rounds(place.stores.jobs, place.clock)
        for job in JOBS[name](place):
            done = await rounds.carry_out(job, as_of or place.clock.store_now())
            say(f"{job.name}: {done}")


@asynccontextmanager
async def _workplace(
    settings: Settings, name: str, archive: Archive | None
) -> AsyncIterator[Workplace]:
    async with AsyncExitStack() as stack:
        client = open_client(str(settings.mongodb_uri), app_name=f"savenbite task {name}")
        stack.push_async_callback(client.aclose)
        database = client[settings.mongodb_database]
        await ensure_indexes(database)
        clock = PositionClock()
        await clock.measure(database)
        stores = open_stores(database, FieldCipher(settings.encryption_keys), clock)
        hueys = open_hueys(settings.queue_redis_url or "")
        stack.callback(hueys.close)
        yield Workplace(
            stores,
            clock,
            DueDeliveries(
                unsent=stores.unsent,
                deliveries=stores.deliveries,
                queue=DeliveryQueue(hueys),
                pauses=Pauses(stores.channels),
                # Whose heartbeat has stopped takes a minute to be seen; the workers see to that.
                liveness=Liveness(),
                clock=clock,
                busy_tasks=busy_tasks(threads_of(settings)),
            ),
            archive,
        )
