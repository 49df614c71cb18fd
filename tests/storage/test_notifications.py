from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from bson.errors import InvalidDocument

from storage.listed_rows import LISTED
from storage.notifications import Change, Counted, InboxFilter, NotificationRow
from tests.storage.inboxes import ALL, LATER, inbox, inserted
from tests.storage.samples import NOON, SECOND, a_row

if TYPE_CHECKING:
    from storage.stores import Stores


def test_a_row_survives_its_stored_form() -> None:
    row = a_row(
        uuid4(), is_read=True, read_at=NOON, is_deleted=True, deleted_at=NOON, sender_id=uuid4()
    )
    assert NotificationRow.from_document(row.to_document()) == row


@pytest.mark.parametrize(
    ("changes", "flags"),
    [
        ({}, {"inbox", "unread"}),
        ({"is_read": True}, {"inbox"}),
        ({"is_deleted": True}, set()),
        ({"in_app": False}, set()),
    ],
)
def test_a_row_is_in_the_indexes_of_what_is_shown_only_while_it_is(
    changes: dict[str, bool], flags: set[str]
) -> None:
    document = a_row(uuid4(), **changes).to_document()
    assert {name for name in ("inbox", "unread") if document.get(name) is True} == flags
    assert not {name for name in ("inbox", "unread") if name in document} - flags


async def test_rows_come_back_as_stored_in_their_order(stores: Stores) -> None:
    user_id = uuid4()
    rows = [a_row(user_id) for _ in range(5)]
    assert await stores.notifications.insert(rows) == rows
    assert await stores.notifications.find(user_id, rows[3].id) == rows[3]


async def test_no_rows_are_no_write(stores: Stores) -> None:
    assert await stores.notifications.insert([]) == []


async def test_a_duplicate_comes_back_with_its_first_position_and_its_state(
    stores: Stores,
) -> None:
    user_id = uuid4()
    first, second = await inserted(stores, user_id, 2)
    await stores.notifications.mark_read(user_id, [first.id], at=LATER)
    again = [
        replace(first, created_at=LATER, floor=LATER, writer="there:8000#1"),
        a_row(user_id, created_at=LATER),
        replace(second, created_at=LATER),
    ]
    stored = await stores.notifications.insert(again)
    assert stored == [replace(first, is_read=True, read_at=LATER), again[1], second]
    assert await stores.notifications.unread_count(user_id) == 2


async def test_a_row_twice_in_a_batch_is_stored_once(stores: Stores) -> None:
    user_id = uuid4()
    row = a_row(user_id)
    assert await stores.notifications.insert([row, replace(row, title="again")]) == [row, row]
    assert await stores.notifications.unread_count(user_id) == 1


async def test_a_failure_that_is_no_duplicate_raises(stores: Stores) -> None:
    with pytest.raises(InvalidDocument):
        await stores.notifications.insert([a_row(uuid4(), data={"bad": object()})])


async def test_the_inbox_is_newest_first_and_by_id_at_the_same_time(stores: Stores) -> None:
    user_id = uuid4()
    rows = await inserted(stores, user_id, 3)
    same_time = [a_row(user_id, created_at=NOON + SECOND) for _ in range(3)]
    await stores.notifications.insert(same_time)
    expected = sorted([*rows, *same_time], key=lambda row: (row.created_at, row.id), reverse=True)
    assert await inbox(stores, user_id) == [row.id for row in expected]


async def test_every_page_is_exact_and_one_past_the_end_is_empty(stores: Stores) -> None:
    user_id = uuid4()
    rows = (await inserted(stores, user_id, 7))[::-1]
    await inserted(stores, uuid4(), 3)
    for number, expected in enumerate([rows[:3], rows[3:6], rows[6:], [], []], start=1):
        page = await stores.notifications.page(user_id, ALL, page=number, page_size=3)
        assert [row.id_bytes for row in page] == [row.id.bytes for row in expected]
    assert await stores.notifications.count(user_id, ALL) == 7


async def test_an_empty_inbox_has_an_empty_page(stores: Stores) -> None:
    assert await inbox(stores, uuid4()) == []


async def test_of_a_row_a_page_has_what_is_listed_in_clear_and_nothing_else(
    stores: Stores,
) -> None:
    user_id = uuid4()
    row = a_row(user_id, data={"contact_phone": "+27215550100", "price": "10.00"})
    await stores.notifications.insert([row])
    whole = row.to_document()
    for wanted in (ALL, InboxFilter(kind=row.kind)):
        (listed,) = await stores.notifications.page(user_id, wanted, page=1, page_size=1)
        assert listed.id_bytes == row.id.bytes
        assert listed.content.fields == {name: whole[name] for name in LISTED if name in whole}


async def test_deleted_rows_and_those_of_other_channels_are_not_in_the_inbox(
    stores: Stores,
) -> None:
    user_id = uuid4()
    kept, deleted = await inserted(stores, user_id, 2)
    await inserted(stores, user_id, 1, in_app=False)
    assert await stores.notifications.delete(user_id, deleted.id, at=LATER)
    assert await inbox(stores, user_id) == [kept.id]


async def test_filters_combine(stores: Stores) -> None:
    user_id = uuid4()
    listings = await inserted(stores, user_id, 4)
    updates = await inserted(stores, user_id, 4, kind="business_update")
    read = {listings[0].id, listings[2].id, updates[1].id}
    await stores.notifications.mark_read(user_id, read, at=LATER)
    rows = listings + updates
    for is_read in (None, True, False):
        for kind in (None, "business_update"):
            for created_from in (None, NOON + SECOND):
                for created_before in (None, NOON + 3 * SECOND):
                    wanted = InboxFilter(
                        is_read=is_read,
                        kind=kind,
                        created_from=created_from,
                        created_before=created_before,
                    )
                    expected = {
                        row.id
                        for row in rows
                        if is_read in (None, row.id in read)
                        and kind in (None, row.kind)
                        and row.created_at >= (created_from or NOON)
                        and row.created_at < (created_before or LATER)
                    }
                    assert set(await inbox(stores, user_id, wanted)) == expected


async def test_a_row_is_found_by_its_owner_alone(stores: Stores) -> None:
    anna, ben = uuid4(), uuid4()
    (row,) = await inserted(stores, anna, 1)
    assert await stores.notifications.find(anna, row.id) == row
    assert await stores.notifications.find(ben, row.id) is None
    assert await stores.notifications.find(anna, uuid4()) is None


async def test_a_snapshot_counts_older_rows_and_names_the_recent_ones_in_any_state(
    stores: Stores,
) -> None:
    user_id = uuid4()
    rows = await inserted(stores, user_id, 10)
    (email_only,) = await inserted(stores, user_id, 1, in_app=False)
    await stores.notifications.mark_read(user_id, [rows[1].id, rows[7].id], at=LATER)
    await stores.notifications.delete(user_id, rows[2].id, at=LATER)
    await stores.notifications.delete(user_id, rows[8].id, at=LATER)
    for edge in range(11):
        since = NOON + edge * SECOND
        recent = frozenset(row.id for row in [*rows, email_only] if row.created_at >= since)
        unread, shown = await stores.notifications.snapshots(
            [Counted(user_id, "unread", since), Counted(user_id, "inbox", since)]
        )
        assert (unread.count, unread.recent_ids) == (6, recent)
        assert (shown.count, shown.recent_ids) == (8, recent)


async def test_what_is_after_a_time_is_oldest_first_within_a_closed_range(
    stores: Stores,
) -> None:
    user_id = uuid4()
    rows = await inserted(stores, user_id, 6)
    await inserted(stores, user_id, 6, in_app=False)
    await stores.notifications.delete(user_id, rows[3].id, at=LATER)

    async def after(since: int | None, until: int, limit: int = 100) -> list[NotificationRow]:
        return await stores.notifications.after(
            user_id,
            since=None if since is None else NOON + since * SECOND,
            until=NOON + until * SECOND,
            limit=limit,
        )

    assert await after(1, 5) == [rows[1], rows[2], rows[4]]
    assert await after(None, 99) == [*rows[:3], *rows[4:]]
    assert await after(None, 99, limit=2) == rows[:2]
    assert await after(5, 5) == []


async def test_changes_are_the_newest_since_a_time_to_rows_before_a_position(
    stores: Stores,
) -> None:
    user_id = uuid4()
    rows = await inserted(stores, user_id, 6)
    await stores.notifications.mark_read(user_id, [rows[0].id], at=LATER)
    await stores.notifications.mark_read(user_id, [rows[1].id], at=LATER + SECOND)
    await stores.notifications.delete(user_id, rows[2].id, at=LATER + 2 * SECOND)
    await stores.notifications.mark_read(user_id, [rows[5].id], at=LATER + 2 * SECOND)

    async def changed(limit: int = 100) -> list[Change]:
        return await stores.notifications.changed(
            user_id, since=LATER + SECOND, before=rows[5].created_at, limit=limit
        )

    deleted = Change(rows[2].id, is_read=False, is_deleted=True)
    read = Change(rows[1].id, is_read=True, is_deleted=False)
    assert await changed() == [deleted, read]
    assert await changed(limit=1) == [deleted]


async def test_rows_are_counted_by_business_while_they_are_in_the_inbox(stores: Stores) -> None:
    user_id, bakery, dairy, unknown = uuid4(), uuid4(), uuid4(), uuid4()
    rows = await inserted(stores, user_id, 3, business_id=bakery)
    await inserted(stores, user_id, 1, business_id=dairy)
    await inserted(stores, user_id, 1, business_id=bakery, in_app=False)
    await inserted(stores, uuid4(), 2, business_id=bakery)
    await stores.notifications.delete(user_id, rows[0].id, at=LATER)
    count = stores.notifications.count_by_business
    assert await count(user_id, [bakery, unknown]) == {bakery: 2}
    assert await count(user_id, [bakery, dairy]) == {bakery: 2, dairy: 1}
    assert await count(user_id, []) == {}
