"""Find in the store what the users who are here were not told, because the bus could not."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from uuid import UUID

import structlog

from actors import messages
from actors.connection import CloseCode
from actors.directory import Directory
from actors.frames import Announcement
from actors.inbox_change import InboxChange, OneDeleted, OneRead
from actors.sync import CHANGES, LATE_ROWS, LOOK_AHEAD
from storage.collection import portions
from storage.names import NameResolver
from storage.notifications import Change, NotificationsRepository
from storage.positions import PositionClock

LONGEST = timedelta(minutes=5)
"""After a longer gap all connections are closed: each of their clients knows what it has seen."""

CLOSE_WITHIN_S = 5.0

USERS_AT_ONCE = 8
"""Two queries each. One query for many users would read all rows of each on the embedded store."""

log = structlog.get_logger(__name__)


class CatchUp:
    """Tells the users' actors what is in the store; they know what is new to them."""

    def __init__(
        self,
        *,
        directory: Directory,
        notifications: NotificationsRepository,
        names: NameResolver,
        clock: PositionClock,
    ) -> None:
        self._directory = directory
        self._notifications = notifications
        self._names = names
        self._clock = clock

    async def run(self, since: datetime) -> None:
        """Tell everybody what was inserted or changed since; raises StoreUnavailable half way."""
        now = self._clock.store_now()
        if now - since > LONGEST:
            log.warning("gap_too_long", since=since.isoformat())
            await self._directory.close_all(CloseCode.SERVER_RESTARTING, deadline_s=CLOSE_WITHIN_S)
            return
        for user_ids in portions(self._directory.user_ids(), USERS_AT_ONCE):
            await asyncio.gather(
                *(self._tell(user_id, since, now + LOOK_AHEAD) for user_id in user_ids)
            )

    async def _tell(self, user_id: UUID, since: datetime, until: datetime) -> None:
        rows = await self._notifications.after(user_id, since=since, until=until, limit=LATE_ROWS)
        changes = await self._notifications.changed(
            user_id, since=since, before=until, limit=CHANGES
        )
        if not rows and not changes:
            return
        names = await self._names.of(rows)
        found = messages.CatchUp(
            tuple(
                messages.Deliver(
                    row.id,
                    row.created_at,
                    not row.is_read,
                    Announcement(row, names),
                    read_at=row.read_at,
                )
                for row in rows
            ),
            tuple(_told(change) for change in reversed(changes)),
        )
        self._directory.tell(user_id, found)


def _told(change: Change) -> InboxChange:
    return OneDeleted(change.id) if change.is_deleted else OneRead(change.id)
