from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from rules.deliveries import DeliveryStatus
from rules.fates import Fate
from rules.kinds import Channel
from storage.fates import FatesRepository
from tests.storage.samples import MINUTE, NOON, SECOND, a_row

if TYPE_CHECKING:
    from datetime import datetime

    from motor.motor_asyncio import AsyncIOMotorDatabase

    from storage.client import Document
    from storage.stores import Stores

A_DAY = timedelta(days=1)
SHOWN = {Channel.IN_APP: DeliveryStatus.DELIVERED}
SHOWN_AND_MAILED = SHOWN | {Channel.EMAIL: DeliveryStatus.SENT}
MAILED = {"channels": {"in_app": {"status": "delivered"}, "email": {"status": "sent"}}}


async def fates(
    stores: Stores, since: datetime, until: datetime, business_id: UUID | None = None
) -> list[tuple[Fate, int]]:
    found = [each async for each in stores.fates.of(since, until, business_id=business_id)]
    return sorted(found, key=lambda each: each[1])


async def test_rows_that_are_alike_are_counted_together(stores: Stores) -> None:
    at, business_id = NOON - 50 * A_DAY, uuid4()
    read_at = NOON + timedelta(hours=3, minutes=46)
    read: dict[str, Any] = {"is_read": True, "read_at": read_at}
    of_nobody: dict[str, Any] = {"kind": "promotional", "business_id": None}
    rows = [
        a_row(uuid4(), created_at=at, business_id=business_id),
        a_row(uuid4(), created_at=at + SECOND, business_id=business_id),
        a_row(uuid4(), created_at=at, business_id=business_id, is_deleted=True),
        a_row(uuid4(), created_at=at, business_id=business_id, **read, **MAILED),
        a_row(uuid4(), created_at=at + SECOND, business_id=business_id, **read, **MAILED),
        a_row(
            uuid4(),
            created_at=at,
            **read,
            **of_nobody,
            clicked_at=read_at,
            clicked_action=None,
        ),
    ]
    await stores.notifications.insert(rows)
    assert await fates(stores, at, at + MINUTE) == [
        (Fate(kind="promotional", statuses=SHOWN, is_read=True, is_clicked=True), 1),
        (
            Fate(
                kind="new_listing",
                business_id=business_id,
                statuses=SHOWN_AND_MAILED,
                is_read=True,
                read_quarter=4 * 15 + 3,
            ),
            2,
        ),
        (Fate(kind="new_listing", business_id=business_id, statuses=SHOWN), 3),
    ]


async def test_only_what_was_made_in_that_time_is_counted_and_of_that_business(
    stores: Stores,
) -> None:
    at, business_id = NOON - 40 * A_DAY, uuid4()
    for created_at, from_whom in (
        (at - timedelta(milliseconds=1), business_id),
        (at, business_id),
        (at + A_DAY - timedelta(milliseconds=1), business_id),
        (at + A_DAY, business_id),
        (at, None),
    ):
        row = a_row(uuid4(), created_at=created_at, business_id=from_whom)
        await stores.notifications.insert([row])
    assert sum(count for _, count in await fates(stores, at, at + A_DAY)) == 3
    assert sum(count for _, count in await fates(stores, at, at + A_DAY, business_id)) == 2


async def test_more_than_is_grouped_at_once_is_counted_in_parts(
    stores: Stores, database: AsyncIOMotorDatabase[Document]
) -> None:
    at = NOON - 30 * A_DAY
    rows = [a_row(uuid4(), created_at=at + n // 3 * timedelta(milliseconds=1)) for n in range(30)]
    await stores.notifications.insert(rows)
    fates = FatesRepository(database, rows_at_once=8)
    parts = [count async for _, count in fates.of(at, at + A_DAY)]
    assert max(parts) <= 8
    assert sum(parts) == 30
    # What was made in one millisecond cannot be told apart.
    crowded = FatesRepository(database, rows_at_once=2)
    assert {count async for _, count in crowded.of(at, at + A_DAY)} == {3}


async def test_whether_there_is_any_is_told_of_a_time(stores: Stores) -> None:
    at = NOON - 20 * A_DAY
    await stores.notifications.insert([a_row(uuid4(), created_at=at)])
    assert await stores.fates.has_any(at, at + MINUTE)
    assert not await stores.fates.has_any(at - MINUTE, at)


async def test_how_many_there_are_is_told_of_a_time(stores: Stores) -> None:
    at = NOON - 15 * A_DAY
    await stores.notifications.insert(
        [a_row(uuid4(), created_at=at + n * SECOND) for n in range(4)]
    )
    assert await stores.fates.count(at, at + 3 * SECOND) == 3
