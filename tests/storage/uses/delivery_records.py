"""Uses of the deliveries by those that operate the service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from storage.delivery_records import DeliveryFilter, DeliveryRecord, DeliveryRecords
from tests.storage.filled.asked import DEAD_ROWS, DEAD_USERS, LATER
from tests.storage.samples import NOON
from tests.storage.uses.use import Use, is_found

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterator

    from motor.motor_asyncio import AsyncIOMotorDatabase

    from storage.client import Document
    from storage.stores import Stores

DEAD_RECORDS = [
    DeliveryRecord(
        notification_id=row_id,
        recipient_id=user_id,
        kind="new_listing",
        channel="email",
        state={"status": "dead"},
    )
    for row_id, user_id in zip(DEAD_ROWS, DEAD_USERS, strict=True)
]


def dead_again(database: AsyncIOMotorDatabase[Document]) -> Awaitable[Any]:
    state = {"status": "dead", "filed": {"under": "dead", "at": NOON}}
    return database["notifications"].update_many(
        {"_id": {"$in": DEAD_ROWS}}, {"$set": {"channels.email": state}}
    )


def looked_up(wanted: DeliveryFilter, *indexes: str) -> Iterator[Use]:
    async def page(stores: Stores) -> tuple[int, int]:
        found = await stores.delivery_records.page(wanted, page=1, page_size=9)
        return found.count, len(found.records)

    async def newest(stores: Stores) -> int:
        return len(await stores.delivery_records.newest(wanted, limit=9))

    yield Use(DeliveryRecords.page, page, indexes, dead_again)
    yield Use(DeliveryRecords.newest, newest, indexes, dead_again)
    yield Use(
        DeliveryRecords.count,
        lambda stores: stores.delivery_records.count(wanted),
        indexes,
        dead_again,
    )


FILED = ("filed_email", "filed_push", "filed_sms")

USES = [
    *looked_up(DeliveryFilter(statuses=("dead",), channel="sms"), "filed_sms"),
    *looked_up(DeliveryFilter(statuses=("dead", "failed")), *FILED),
    *looked_up(DeliveryFilter(user_id=DEAD_USERS[3]), "position"),
    *looked_up(
        DeliveryFilter(user_id=DEAD_USERS[3], statuses=("dead",), channel="push"), "position"
    ),
    Use(
        DeliveryRecords.get,
        lambda stores: is_found(stores.delivery_records.get(DEAD_ROWS[3], "push")),
    ),
    Use(
        DeliveryRecords.find_row,
        lambda stores: is_found(stores.delivery_records.find_row(DEAD_ROWS[3])),
    ),
    Use(
        DeliveryRecords.retry,
        lambda stores: stores.delivery_records.retry(DEAD_RECORDS, at=LATER),
        restore=dead_again,
    ),
]

# It counts all that waits.
WITHOUT_USE = {DeliveryRecords.waiting}
