"""Uses of notifications by their age."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from storage.aged_notifications import AgedNotifications
from tests.storage.filled.asked import SETTLER, ids
from tests.storage.samples import NOON, SECOND, a_row
from tests.storage.uses.use import Use, counted

if TYPE_CHECKING:
    from motor.motor_asyncio import AsyncIOMotorDatabase

    from storage.client import Document

LONG_GONE = NOON - timedelta(days=5_000), NOON - timedelta(days=4_000)
OLD_ROWS = ids(97_000_000)


async def as_they_were(database: AsyncIOMotorDatabase[Document]) -> None:
    for n, row_id in enumerate(OLD_ROWS):
        row = a_row(SETTLER, id=row_id, created_at=LONG_GONE[0] + n * SECOND).to_document()
        await database["notifications"].replace_one({"_id": row_id}, row, upsert=True)


USES = [
    Use(
        AgedNotifications.count,
        lambda stores: stores.aged.count(*LONG_GONE, most=1_000),
        ("age",),
        as_they_were,
    ),
    Use(
        AgedNotifications.rows,
        lambda stores: counted(stores.aged.rows(*LONG_GONE)),
        ("age",),
        as_they_were,
    ),
    Use(
        AgedNotifications.blank,
        lambda stores: stores.aged.blank(*LONG_GONE),
        ("age",),
        as_they_were,
    ),
    Use(
        AgedNotifications.remove,
        lambda stores: stores.aged.remove(*LONG_GONE),
        ("age",),
        as_they_were,
    ),
]
