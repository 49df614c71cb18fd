"""Uses of when users were last here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from storage.last_activity import LastActivity
from tests.storage.filled.asked import KNOWN
from tests.storage.samples import NOON
from tests.storage.uses.use import Use

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from motor.motor_asyncio import AsyncIOMotorDatabase

    from storage.client import Document


def never_active(database: AsyncIOMotorDatabase[Document]) -> Awaitable[Any]:
    return database["users"].update_many(
        {"_id": {"$in": KNOWN[:2]}}, {"$unset": {"last_active_at": ""}}
    )


USES = [
    Use(
        LastActivity.note,
        lambda stores: stores.last_activity.note(KNOWN[:2], at=NOON),
        restore=never_active,
    )
]
