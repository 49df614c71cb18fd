"""Uses of the inboxes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from uuid import UUID

from storage.notifications import Counted, InboxFilter, NotificationsRepository
from tests.storage.filled.asked import (
    BAKERY,
    CHANGED,
    DAIRY,
    DELETED_ROWS,
    DELETER,
    DUE_ROWS,
    DUE_USERS,
    LATER,
    MARKED_ROWS,
    MARKER,
    READ_ROWS,
    READER,
    RETURNED,
    SETTLER,
)
from tests.storage.samples import NOON, SECOND, a_row
from tests.storage.uses.use import Use, counted, without

if TYPE_CHECKING:
    from storage.notifications import Mark
    from storage.stores import Stores
    from tests.storage.uses.use import Restore

NEW_ROWS = [a_row(SETTLER) for _ in range(RETURNED)]
WITHOUT_NEW = without("notifications", [row.id for row in NEW_ROWS])
RECENT: dict[str, Any] = {"created_from": NOON, "created_before": LATER}


def page(index: str, owner: UUID = READER, **wanted: Any) -> Use:
    async def run(stores: Stores) -> int:
        return len(
            await stores.notifications.page(owner, InboxFilter(**wanted), page=1, page_size=9)
        )

    return Use(NotificationsRepository.page, run, (index,))


def how_many(index: str, owner: UUID = READER, **wanted: Any) -> Use:
    return Use(
        NotificationsRepository.count,
        lambda stores: stores.notifications.count(owner, InboxFilter(**wanted)),
        (index,),
    )


def snapshot(index: str, mark: Mark, *owners: UUID) -> Use:
    return Use(
        NotificationsRepository.snapshots,
        lambda stores: stores.notifications.snapshots(
            [Counted(owner, mark, NOON + 9 * SECOND) for owner in owners]
        ),
        (index, "position"),
        unread_again(MARKED_ROWS),
    )


async def insert_twice(stores: Stores) -> int:
    await stores.notifications.insert(NEW_ROWS)
    return len(await stores.notifications.insert(NEW_ROWS))


async def mark_together(stores: Stores) -> int:
    """Have each marked in the same moment, and one that there is not."""
    mark = stores.notifications.mark_read
    wanted = [*((MARKER, each) for each in MARKED_ROWS), (READER, UUID(int=0))]
    return sum(await asyncio.gather(*(mark(reader, [each], at=LATER) for reader, each in wanted)))


def unread_again(rows: list[UUID]) -> Restore:
    return lambda database: database["notifications"].update_many(
        {"_id": {"$in": rows}},
        {
            "$set": {"inbox": True, "unread": True, "is_read": False, "is_deleted": False},
            "$unset": {"changed_at": "", "clicked_at": "", "clicked_action": ""},
        },
    )


USES = [
    Use(
        NotificationsRepository.insert,
        lambda stores: counted(stores.notifications.insert(NEW_ROWS)),
        restore=WITHOUT_NEW,
    ),
    Use(NotificationsRepository.insert, insert_twice, restore=WITHOUT_NEW),
    page("inbox"),
    page("inbox", **RECENT),
    page("unread", is_read=False),
    page("inbox", kind="new_listing"),
    page("inbox", CHANGED, is_read=True, kind="new_listing", **RECENT),
    page("unread", is_read=False, **RECENT),
    how_many("inbox"),
    how_many("inbox", CHANGED, is_read=True, kind="new_listing", **RECENT),
    how_many("unread", is_read=False, **RECENT),
    Use(
        NotificationsRepository.unread_count,
        lambda stores: stores.notifications.unread_count(MARKER),
        ("unread",),
        unread_again(MARKED_ROWS),
    ),
    snapshot("unread", "unread", MARKER, READER),
    snapshot("inbox", "inbox", READER, DELETER),
    Use(
        NotificationsRepository.mark_read,
        lambda stores: stores.notifications.mark_read(MARKER, MARKED_ROWS, at=LATER),
        restore=unread_again(MARKED_ROWS),
    ),
    Use(NotificationsRepository.mark_read, mark_together, restore=unread_again(MARKED_ROWS)),
    Use(
        NotificationsRepository.mark_all_read,
        lambda stores: stores.notifications.mark_all_read(MARKER, at=LATER),
        ("unread",),
        unread_again(MARKED_ROWS),
    ),
    Use(
        NotificationsRepository.click,
        lambda stores: stores.notifications.click(MARKER, MARKED_ROWS[3], action="view", at=LATER),
        restore=unread_again(MARKED_ROWS),
    ),
    Use(
        NotificationsRepository.click_elsewhere,
        lambda stores: stores.notifications.click_elsewhere(
            DUE_USERS[0], DUE_ROWS[0], action="email", at=LATER
        ),
    ),
    Use(
        NotificationsRepository.delete,
        lambda stores: stores.notifications.delete(DELETER, DELETED_ROWS[3], at=LATER),
        restore=unread_again(DELETED_ROWS),
    ),
    Use(
        NotificationsRepository.find,
        lambda stores: stores.notifications.find(READER, READ_ROWS[3]),
    ),
    Use(
        NotificationsRepository.after,
        lambda stores: counted(
            stores.notifications.after(READER, since=NOON, until=NOON + 9 * SECOND, limit=500)
        ),
        ("inbox",),
    ),
    Use(
        NotificationsRepository.after,
        lambda stores: counted(
            stores.notifications.after(READER, since=None, until=LATER, limit=500)
        ),
        ("inbox",),
    ),
    Use(
        NotificationsRepository.changed,
        lambda stores: counted(
            stores.notifications.changed(CHANGED, since=NOON, before=LATER, limit=500)
        ),
        ("changed",),
    ),
    Use(
        NotificationsRepository.count_by_business,
        lambda stores: stores.notifications.count_by_business(READER, [BAKERY, DAIRY]),
        ("inbox_business",),
    ),
]
