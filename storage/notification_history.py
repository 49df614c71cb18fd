"""All notifications of one recipient, shown or not, some at a time."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from storage.collection import StoreCollection
from storage.positions import EPOCH, MILLISECOND
from storage.sealing import opened

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import datetime
    from uuid import UUID

    from motor.motor_asyncio import AsyncIOMotorDatabase

    from storage.client import Document
    from storage.encryption import FieldCipher

ROWS_AT_ONCE = 500
FIRST_WINDOW = timedelta(days=1)

_NEWEST_FIRST = [("created_at", -1), ("_id", -1)]


class NotificationHistory:
    """Reads the collection `notifications` by the position of its rows."""

    def __init__(self, database: AsyncIOMotorDatabase[Document], cipher: FieldCipher) -> None:
        self._rows = StoreCollection(database["notifications"]).lagging()
        self._cipher = cipher

    async def of(self, recipient_id: UUID, *, until: datetime) -> AsyncIterator[list[Document]]:
        """Yield the rows positioned before `until`, newest first, in clear.

        By windows of time, because on the embedded store a limit does not bound the work: one that
        holds too much is halved, and one that holds little doubled.
        """
        width = FIRST_WINDOW
        while until > EPOCH:
            since = max(until - width, EPOCH)
            is_smallest = width <= MILLISECOND
            rows = await self._rows.find(
                {"recipient_id": recipient_id, "created_at": {"$gte": since, "$lt": until}},
                sort=_NEWEST_FIRST,
                limit=None if is_smallest else ROWS_AT_ONCE + 1,
            )
            if len(rows) > ROWS_AT_ONCE and not is_smallest:
                width = max(width / 2, MILLISECOND)
                continue
            if rows:
                yield [opened(row, self._cipher) for row in rows]
            until = since
            if len(rows) < ROWS_AT_ONCE // 4:
                width *= 2
