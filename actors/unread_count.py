"""How many notifications a connected user has not read, kept without asking the store each time."""

from __future__ import annotations

import contextlib
import time
from datetime import datetime, timedelta
from uuid import UUID

from actors.messages import Deliver
from storage.client import StoreUnavailable
from storage.notifications import NotificationRow, NotificationsRepository
from storage.positions import EPOCH, PositionClock

RECENT = timedelta(seconds=30)
"""Rows positioned within this are known by id to a recount: longer than an announcement takes."""

RECOUNT_AFTER = timedelta(minutes=5)
"""A count older than this is read anew the next time its user does something."""


class UnreadCount:
    """A count that was read, plus what was announced after it, each row once."""

    def __init__(
        self, user_id: UUID, notifications: NotificationsRepository, clock: PositionClock
    ) -> None:
        self._user_id = user_id
        self._notifications = notifications
        self._clock = clock
        self._counted_at: datetime | None = None
        self._recounted_at_s = 0.0
        self.recent_ids: frozenset[UUID] = frozenset()
        """The rows from `recent_since` on that the last recount has seen."""
        self.recent_since = EPOCH
        self.count = 0

    def include(self, announced: Deliver) -> bool:
        """Count a row that is announced; False when only a recount can tell whether it is in."""
        counted_at = self._counted_at
        if counted_at is None or announced.created_at < counted_at - RECENT:
            return False
        if announced.is_unread and announced.notification_id not in self.recent_ids:
            self.count += 1
        return True

    def lacks(self, row: NotificationRow) -> bool:
        """Tell whether the last recount was before `row` came."""
        return row.created_at >= self.recent_since and row.id not in self.recent_ids

    def guess(self, announced: Deliver) -> None:
        """Count a row as new while the store is away; the next time the count is read anew."""
        self.distrust()
        self.count += announced.is_unread

    def distrust(self) -> None:
        """Read the count anew the next time: a write may or may not have taken effect."""
        self._counted_at = None

    async def take_off(self, marked: int) -> None:
        """Take what was marked read by way of this count off it, or read it anew.

        More marked than counted means that one was marked before its announcement came here.
        While the store is away the count is as good as what is known.
        """
        if self._is_old() or marked > self.count:
            await self.try_recount()
        else:
            self.count -= marked

    async def try_recount(self) -> None:
        """Read the count anew, or keep the old one until the store is back."""
        with contextlib.suppress(StoreUnavailable):
            await self.recount()

    async def reflect(self, arrived_at_s: float) -> None:
        """Read the count anew for a change made elsewhere, unless that was done since it arrived.

        So a burst of them costs two recounts: one that was begun for the first, and one for all
        that arrived meanwhile.
        """
        if self._counted_at is None or self._recounted_at_s < arrived_at_s:
            await self.try_recount()

    async def fresh(self) -> int:
        """Return the count, read anew when it is old."""
        if self._is_old():
            await self.recount()
        return self.count

    async def recount(self) -> None:
        """Read the count, and by id which of the rows still being announced it has."""
        self._counted_at = None
        self._recounted_at_s = time.monotonic()
        now = self._clock.store_now()
        since = now - RECENT
        snapshot = await self._notifications.unread_snapshot(self._user_id, recent_since=since)
        self.count = snapshot.count
        self.recent_since = since
        self.recent_ids = snapshot.recent_ids
        self._counted_at = now

    def _is_old(self) -> bool:
        return (
            self._counted_at is None or self._clock.store_now() - self._counted_at > RECOUNT_AFTER
        )
