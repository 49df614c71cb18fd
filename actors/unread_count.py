"""How many notifications a connected user has not read, kept without asking the store each time."""

from __future__ import annotations

import contextlib
from datetime import datetime, timedelta
from uuid import UUID

from actors.messages import Deliver
from storage.client import StoreUnavailable
from storage.notifications import NotificationsRepository
from storage.positions import PositionClock

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
        self._counted_ids: frozenset[UUID] = frozenset()
        self.count = 0

    def include(self, announced: Deliver) -> bool:
        """Count a row that is announced; False when only a recount can tell whether it is in."""
        counted_at = self._counted_at
        if counted_at is None or announced.created_at < counted_at - RECENT:
            return False
        if announced.is_unread and announced.notification_id not in self._counted_ids:
            self.count += 1
        return True

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

    async def fresh(self) -> int:
        """Return the count, read anew when it is old."""
        if self._is_old():
            await self.recount()
        return self.count

    async def recount(self) -> None:
        """Read the count, and by id which of the rows still being announced it has."""
        self._counted_at = None
        now = self._clock.store_now()
        snapshot = await self._notifications.unread_snapshot(
            self._user_id, recent_since=now - RECENT
        )
        self.count = snapshot.count
        self._counted_ids = snapshot.recent_ids
        self._counted_at = now

    def _is_old(self) -> bool:
        return (
            self._counted_at is None or self._clock.store_now() - self._counted_at > RECOUNT_AFTER
        )
