from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest

from storage.stores import Stores
from tests.actors.scheduling.office import SOON_S, Office

if TYPE_CHECKING:
    from motor.motor_asyncio import AsyncIOMotorDatabase

    from storage.client import Document


@pytest.fixture
async def office(stores: Stores, database: AsyncIOMotorDatabase[Document]) -> AsyncIterator[Office]:
    # What other tests left would be due too: the database is the module's.
    await database["schedules"].delete_many({})
    made = Office(stores)
    yield made
    for ref in made.refs:
        await ref.stop_and_wait(deadline_s=SOON_S)
    await made.desk.actor_ref.stop_and_wait(deadline_s=SOON_S)
