"""Events that were accepted, and how they are stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from storage.events import NewEvent
from tests.storage.samples import NOON, an_event

if TYPE_CHECKING:
    from motor.motor_asyncio import AsyncIOMotorDatabase

    from storage.client import Document
    from storage.stores import Stores


async def raw(database: AsyncIOMotorDatabase[Document], key: UUID) -> Document:
    found = await database["events"].find_one({"_id": key})
    assert found is not None
    return found


async def accepted(stores: Stores, count: int = 1, **changes: Any) -> list[NewEvent]:
    events = [an_event(**changes) for _ in range(count)]
    assert await stores.events.accept(events, accepted_at=NOON) == {e.key for e in events}
    return events
