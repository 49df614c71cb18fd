"""Uses of what is planned."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from rules.due_keys import due_key, key_from
from storage.schedules import Claimed, PlannedEvent, SchedulesRepository
from tests.storage.filled.asked import CIPHER, LATER, SCHEDULES
from tests.storage.samples import NOON, SECOND, an_event
from tests.storage.uses.use import Use, counted, without

if TYPE_CHECKING:
    from motor.motor_asyncio import AsyncIOMotorDatabase

    from storage.client import Document

CLAIM = UUID(int=7)
A_PLAN = PlannedEvent(id=uuid4(), at=LATER + SECOND, version=2, event=an_event())
FIRST, LAST = (key_from(at, is_urgent=False) for at in (NOON, LATER))


async def scheduled_again(database: AsyncIOMotorDatabase[Document]) -> None:
    """Have the schedules wait for their time; their requests are made anew."""
    for n, key in enumerate(SCHEDULES):
        await database["schedules"].update_one(
            {"_id": key},
            {
                "$set": {
                    "status": "scheduled",
                    "version": 1,
                    "due_at": NOON + n * SECOND,
                    "due_key": due_key(key, NOON + n * SECOND, is_urgent=False),
                    "request": CIPHER.encrypt("{}", owner=key),
                }
            },
        )


async def claimed_again(database: AsyncIOMotorDatabase[Document]) -> None:
    await scheduled_again(database)
    await database["schedules"].update_many(
        {"_id": {"$in": SCHEDULES}}, {"$set": {"status": "sent", "claim": CLAIM}}
    )


USES = [
    Use(
        SchedulesRepository.plan,
        lambda stores: stores.schedules.plan([A_PLAN]),
        restore=without("schedules", [A_PLAN.id]),
    ),
    Use(
        SchedulesRepository.plan,
        lambda stores: stores.schedules.plan([replace(A_PLAN, id=SCHEDULES[3])]),
        restore=scheduled_again,
    ),
    Use(
        SchedulesRepository.withdraw,
        lambda stores: stores.schedules.withdraw({SCHEDULES[3]: 2}),
        restore=scheduled_again,
    ),
    Use(
        SchedulesRepository.due,
        lambda stores: counted(stores.schedules.due(first=FIRST, last=LAST, limit=500)),
        ("due",),
        scheduled_again,
    ),
    Use(
        SchedulesRepository.claim,
        lambda stores: counted(stores.schedules.claim(SCHEDULES, by=LATER, now=LATER)),
        restore=scheduled_again,
    ),
    Use(
        SchedulesRepository.sent,
        lambda stores: stores.schedules.sent(
            [Claimed(key, CLAIM, NOON, A_PLAN.event) for key in SCHEDULES]
        ),
        restore=claimed_again,
    ),
]

# It counts all that waits.
WITHOUT_USE = {SchedulesRepository.waiting_count}
