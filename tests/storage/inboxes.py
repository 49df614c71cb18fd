"""Inboxes with rows in them, and what lists show of them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from storage.notifications import InboxFilter, NotificationRow
from tests.storage.samples import NOON, SECOND, a_row

if TYPE_CHECKING:
    from storage.stores import Stores

ALL = InboxFilter()
LATER = NOON + timedelta(hours=1)


async def inserted(
    stores: Stores, user_id: UUID, count: int, **changes: Any
) -> list[NotificationRow]:
    """Insert rows a second apart, oldest first."""
    rows = [a_row(user_id, created_at=NOON + n * SECOND, **changes) for n in range(count)]
    return await stores.notifications.insert(rows)


async def inbox(stores: Stores, user_id: UUID, wanted: InboxFilter = ALL) -> list[UUID]:
    rows = await stores.notifications.page(user_id, wanted, page=1, page_size=100)
    assert await stores.notifications.count(user_id, wanted) == len(rows)
    return [UUID(bytes=row.id_bytes) for row in rows]
