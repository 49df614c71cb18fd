"""The periodic jobs by name, to be run once by hand: `run.py task NAME` (contract section 8).

Another job is another entry of `JOBS`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from actors.due_schedules import DueSchedules
from config.settings import Settings
from storage.client import open_client
from storage.encryption import FieldCipher
from storage.events import NewEvent
from storage.indexes import ensure_indexes
from storage.positions import PositionClock
from storage.stores import Stores, open_stores


@dataclass(frozen=True, slots=True)
class Workplace:
    """What a job works with."""

    stores: Stores
    clock: PositionClock


Job: TypeAlias = Callable[[Workplace, datetime], Awaitable[str]]
"""Does what is to be done as of a time, and returns a sentence about it."""


async def send_due_schedules(place: Workplace, as_of: datetime) -> str:
    """Make events of the schedules that are due; a server process carries these out at once."""
    due_schedules = DueSchedules(place.stores.schedules, place.clock)

    async def accept(events: Sequence[NewEvent]) -> None:
        await place.stores.events.accept(events, accepted_at=place.clock.store_now())

    count, has_more = 0, True
    while has_more:
        done = await due_schedules.carry_out(accept, by=as_of)
        count, has_more = count + done.count, done.has_more
    return f"{count} due and handed over to be sent"


JOBS: Mapping[str, Job] = {"schedules": send_due_schedules}


async def run_job(settings: Settings, name: str, as_of: datetime | None) -> str:
    """Run the job `name` once, as of now unless told otherwise, and say what it did.

    The settings name the store. Raises StoreUnavailable.
    """
    client = open_client(str(settings.mongodb_uri), app_name=f"savenbite task {name}")
    try:
        database = client[settings.mongodb_database]
        await ensure_indexes(database)
        clock = PositionClock()
        await clock.measure(database)
        stores = open_stores(database, FieldCipher(settings.encryption_keys), clock)
        return await JOBS[name](Workplace(stores, clock), as_of or clock.store_now())
    finally:
        client.close()
