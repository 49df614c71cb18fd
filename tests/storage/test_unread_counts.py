"""What is unread is counted for many inboxes at once, and what came lately is named."""

from __future__ import annotations

from uuid import UUID, uuid4

from storage.collection import IDS_AT_ONCE
from storage.stores import Stores
from storage.unread_counts import Unread
from tests.storage.samples import NOON, SECOND, a_row


async def test_each_inbox_has_its_count_and_the_unread_rows_from_a_time_on(stores: Stores) -> None:
    anna, ben, nobody = uuid4(), uuid4(), uuid4()
    annas = [a_row(anna, created_at=NOON + place * SECOND) for place in range(5)]
    bens = [a_row(ben, created_at=NOON + place * SECOND) for place in range(3)]
    email_only = a_row(ben, created_at=NOON, in_app=False)
    await stores.notifications.insert([*annas, *bens, email_only])
    await stores.notifications.mark_read(anna, [annas[0].id, annas[3].id], at=NOON)
    await stores.notifications.delete(ben, bens[2].id, at=NOON)
    counted = await stores.unread_counts.of([anna, ben, nobody], recent_since=NOON + 2 * SECOND)
    assert counted == {
        anna: Unread(3, frozenset({annas[2].id, annas[4].id})),
        ben: Unread(2, frozenset()),
        nobody: Unread(0, frozenset()),
    }


async def test_more_inboxes_than_one_query_asks_for_are_counted_all(stores: Stores) -> None:
    user_ids: list[UUID] = [uuid4() for _ in range(IDS_AT_ONCE + 1)]
    rows = [a_row(user_id, created_at=NOON) for user_id in user_ids]
    await stores.notifications.insert(rows)
    counted = await stores.unread_counts.of(user_ids, recent_since=NOON)
    assert counted == {row.recipient_id: Unread(1, frozenset({row.id})) for row in rows}
