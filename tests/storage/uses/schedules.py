"""Uses of the schedules."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from storage.schedules import Schedule, SchedulesRepository
from tests.storage.filled.asked import CIPHER, LATER, OWNER, READER, SCHEDULES, SETTLER
from tests.storage.samples import NOON, SECOND
from tests.storage.uses.use import Use, counted, counted_in_parts, without

if TYPE_CHECKING:
    from motor.motor_asyncio import AsyncIOMotorDatabase

    from storage.client import Document
    from storage.stores import Stores

A_SCHEDULE = Schedule(
    id=uuid4(),
    sender=SETTLER,
    recipient_id=READER,
    kind="welcome",
    title="t",
    send_at=LATER + SECOND,
    created_at=NOON,
)
WITHOUT_IT = without("schedules", [A_SCHEDULE.id])


async def scheduled_again(database: AsyncIOMotorDatabase[Document]) -> None:
    """Have the schedules wait for their time; their requests are made anew."""
    for n, key in enumerate(SCHEDULES):
        await database["schedules"].update_one(
            {"_id": key},
            {
                "$set": {
                    "status": "scheduled",
                    "due_at": NOON + n * SECOND,
                    "request": CIPHER.encrypt("{}", owner=key),
                }
            },
        )


async def claimed_again(database: AsyncIOMotorDatabase[Document]) -> None:
    await scheduled_again(database)
    await database["schedules"].update_many(
        {"_id": {"$in": SCHEDULES}}, {"$set": {"status": "sent"}}
    )


async def page(stores: Stores) -> tuple[int, int]:
    found = await stores.schedules.page(OWNER, page=2, page_size=9)
    return found.count, len(found.schedules)


USES = [
    Use(
        SchedulesRepository.add,
        lambda stores: stores.schedules.add(A_SCHEDULE, {}),
        restore=WITHOUT_IT,
    ),
    Use(SchedulesRepository.page, page, ("sender",), WITHOUT_IT),
    Use(
        SchedulesRepository.exported,
        lambda stores: counted_in_parts(stores.schedules.exported(sender=OWNER)),
        ("sender",),
        scheduled_again,
    ),
    Use(
        SchedulesRepository.exported,
        lambda stores: counted_in_parts(stores.schedules.exported(recipient_id=UUID(int=9))),
        ("recipient",),
        scheduled_again,
    ),
    Use(
        SchedulesRepository.cancel,
        lambda stores: stores.schedules.cancel(SCHEDULES[3], OWNER),
        restore=scheduled_again,
    ),
    Use(
        SchedulesRepository.due,
        lambda stores: counted(stores.schedules.due(by=LATER, limit=500)),
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
        lambda stores: stores.schedules.sent(SCHEDULES),
        restore=claimed_again,
    ),
    Use(
        SchedulesRepository.fail,
        lambda stores: stores.schedules.fail(SCHEDULES, reason=""),
        restore=claimed_again,
    ),
]
