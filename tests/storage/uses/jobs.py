"""Uses of the rows by which workers take turns at jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from storage.jobs import JobsRepository
from tests.storage.filled.asked import LATER
from tests.storage.samples import NOON, SECOND
from tests.storage.uses.use import Use, is_found

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from motor.motor_asyncio import AsyncIOMotorDatabase

    from storage.client import Document


def due(database: AsyncIOMotorDatabase[Document]) -> Awaitable[Any]:
    return database["jobs"].update_one({"_id": "job"}, {"$set": {"due_at": NOON}}, upsert=True)


USES = [
    Use(
        JobsRepository.begin,
        lambda stores: is_found(stores.jobs.begin("job", at=LATER + SECOND, again_at=NOON)),
        restore=due,
    ),
    Use(
        JobsRepository.succeeded,
        lambda stores: stores.jobs.succeeded("job", "done", at=NOON, took=SECOND),
    ),
    Use(
        JobsRepository.failed,
        lambda stores: stores.jobs.failed("job", "KeyError", at=NOON, took=SECOND, again_at=NOON),
    ),
]

# It goes by all that there is, a row a job.
WITHOUT_USE = {JobsRepository.all}
