from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import pytest

from storage.client import open_client
from storage.inbox_filter import InboxFilter
from storage.positions import EPOCH
from storage.stores import open_stores
from tests.storage.inboxes import ALL, LATER, inserted
from tests.storage.recorded import Recorded
from tests.storage.samples import NOON, SECOND, a_row

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from storage.encryption import FieldCipher
    from storage.notifications import NotificationRow
    from storage.positions import PositionClock
    from storage.stores import Stores

UNREAD = InboxFilter(is_read=False)


@pytest.fixture
async def seen() -> Recorded:
    return Recorded()


@pytest.fixture
async def watched(
    seen: Recorded, mongodb_uri: str, database_name: str, cipher: FieldCipher, clock: PositionClock
) -> AsyncIterator[Stores]:
    client = open_client(mongodb_uri, app_name="tests", event_listeners=[seen])
    yield open_stores(client[database_name], cipher, clock)
    await client.aclose()


async def page(
    stores: Stores, user_id: UUID, wanted: InboxFilter = ALL, *, number: int = 1
) -> list[UUID]:
    rows = await stores.notifications.page(user_id, wanted, page=number, page_size=3)
    return [UUID(bytes=row.id_bytes) for row in rows]


def ids(rows: list[NotificationRow]) -> list[UUID]:
    return [row.id for row in rows]


async def test_what_came_and_went_since_a_page_was_read_is_in_the_next_reading(
    stores: Stores,
) -> None:
    user_id = uuid4()
    rows = (await inserted(stores, user_id, 8))[::-1]
    assert await page(stores, user_id) == ids(rows[:3])
    assert await page(stores, user_id, number=2) == ids(rows[3:6])
    new = a_row(user_id, created_at=NOON + 9 * SECOND)
    between = a_row(user_id, created_at=NOON + 6.5 * SECOND)
    await stores.notifications.insert([new, between])
    rows = [new, rows[0], between, *rows[1:]]
    assert await page(stores, user_id) == ids(rows[:3])
    assert await page(stores, user_id, number=2) == ids(rows[3:6])
    for gone in (rows.pop(1), rows.pop(2)):
        assert await stores.notifications.delete(user_id, gone.id, at=LATER)
    assert await page(stores, user_id) == ids(rows[:3])
    assert await page(stores, user_id, number=2) == ids(rows[3:6])
    for gone in rows[2:]:
        assert await stores.notifications.delete(user_id, gone.id, at=LATER)
    assert await page(stores, user_id) == ids(rows[:2])
    assert await page(stores, user_id, number=2) == []


async def test_a_page_of_what_is_unread_is_whole_once_some_of_it_was_read(stores: Stores) -> None:
    user_id = uuid4()
    rows = (await inserted(stores, user_id, 6))[::-1]
    assert await page(stores, user_id, UNREAD) == ids(rows[:3])
    await stores.notifications.mark_read(user_id, ids(rows[:2]), at=LATER)
    assert await page(stores, user_id, UNREAD) == ids(rows[2:5])
    assert await page(stores, user_id) == ids(rows[:3])


async def test_a_page_is_asked_for_down_to_where_it_ended_the_last_time(
    watched: Stores, seen: Recorded
) -> None:
    user_id = uuid4()
    rows = (await inserted(watched, user_id, 5))[::-1]

    async def asked_from(number: int) -> list[object]:
        seen.commands.clear()
        await page(watched, user_id, number=number)
        return [each.filter["created_at"]["$gte"] for each in seen.filters()]

    assert await asked_from(1) == [EPOCH]
    assert await asked_from(1) == [rows[2].created_at]
    # A page that is not whole may begin anywhere.
    assert [await asked_from(2) for _ in range(2)] == [[EPOCH], [EPOCH]]
    await watched.notifications.delete(user_id, rows[0].id, at=LATER)
    assert await asked_from(1) == [rows[2].created_at, EPOCH]
    assert await asked_from(1) == [rows[3].created_at]
    for gone in rows[1:3]:
        await watched.notifications.delete(user_id, gone.id, at=LATER)
    assert await asked_from(1) == [rows[3].created_at, EPOCH]
    assert await asked_from(1) == [EPOCH]
