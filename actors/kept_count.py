"""A count of what somebody has, kept for a connected user without asking the store each time."""

from __future__ import annotations

import contextlib
import time
from abc import ABC, abstractmethod
from datetime import datetime, timedelta
from typing import ClassVar
from uuid import UUID

from actors.bus_face import BusFace
from actors.count_ages import RECENT, RECOUNT_AFTER
from actors.messages import Deliver
from actors.recounter import Recounts
from storage.client import StoreUnavailable
from storage.notifications import Mark
from storage.positions import EPOCH, TRUSTED_OFFSET_S, PositionClock

CLOCKS_APART = timedelta(seconds=TRUSTED_OFFSET_S)
"""By how much other processes' positions may be ahead of those that are given here, where it is not
known when their rows were stored (actors/shared_time.py)."""


class KeptCount(ABC):
    """A count that was read, plus what was announced after it, each row once."""

    __slots__ = (
        "_clock",
        "_counted_at",
        "_recounted_at_s",
        "_recounts",
        "_user_id",
        "certain_after",
        "certain_after_s",
        "certain_before",
        "count",
        "recent_ids",
        "recent_since",
    )

    mark: ClassVar[Mark]
    """Of the rows that are counted."""

    def __init__(self, user_id: UUID, recounts: Recounts, clock: PositionClock) -> None:
        self._user_id = user_id
        self._recounts = recounts
        self._clock = clock
        self._counted_at: datetime | None = None
        self._recounted_at_s = 0.0
        self.recent_ids: frozenset[bytes] = frozenset()
        """The rows from `recent_since` on that the last recount has seen, as in `Told`."""
        self.recent_since = EPOCH
        self.certain_after_s = 0.0
        """A row that may have been stored before then, by the monotonic clock, and is not among
        `recent_ids`, may have been seen, too, if it was read or deleted."""
        self.certain_after = EPOCH
        """So may one of which it is not known when it was stored, if it is positioned by then."""
        self.certain_before = EPOCH
        """A row that was read later, and was there, is among `recent_ids`, but for what was read
        within CLOCKS_APART before the count."""
        self.count = 0

    @abstractmethod
    def has(self, announced: Deliver) -> bool:
        """Tell whether a row that is announced is one of those that are counted."""

    @property
    def is_old(self) -> bool:
        """Whether the count has to be read anew before it is told."""
        return (
            self._counted_at is None or self._clock.store_now() - self._counted_at > RECOUNT_AFTER
        )

    def include(self, announced: Deliver) -> bool:
        """Count a row that is announced; False when only a recount can tell whether it is in."""
        counted_at = self._counted_at
        if counted_at is None or announced.created_at < counted_at - RECENT:
            return False
        if self.has(announced) and announced.notification_id.bytes not in self.recent_ids:
            if not self._is_later(announced):
                return False
            self.count += 1
        return True

    def _is_later(self, announced: Deliver) -> bool:
        """Tell whether a row came after the count, so that it was not read or deleted before."""
        stored_after_s = announced.announcement.stored_after_s
        if stored_after_s is None:
            return announced.created_at > self.certain_after
        return stored_after_s > self.certain_after_s

    def lacks(self, id_bytes: bytes, created_at: datetime) -> bool:
        """Tell whether the last recount was before a row came."""
        return created_at >= self.recent_since and id_bytes not in self.recent_ids

    def guess(self, announced: Deliver) -> None:
        """Count a row as new while the store is away; the next time the count is read anew."""
        self.distrust()
        self.count += self.has(announced)

    def distrust(self) -> None:
        """Read the count anew the next time: a write may or may not have taken effect."""
        self._counted_at = None

    async def take_off(self, fewer: int) -> None:
        """Take what this user's actor changed off the count, or read it anew.

        More than counted means that a row was changed before its announcement came here. While
        the store is away the count is as good as what is known.
        """
        if self.is_old or fewer > self.count:
            await self.try_recount()
        else:
            self.count -= fewer

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
        if self.is_old:
            await self.recount()
        return self.count

    async def recount(self) -> None:
        """Read the count, and by id which of the rows still being announced it has."""
        self._counted_at = None
        self._recounted_at_s = time.monotonic()
        now = self._clock.store_now()
        since = now - RECENT
        snapshot = await self._recounts.snapshot(self._user_id, self.mark, recent_since=since)
        self.count = snapshot.count
        self.recent_since = since
        self.recent_ids = frozenset(each.bytes for each in snapshot.recent_ids)
        self.certain_after_s = 0.0
        self.certain_after = EPOCH
        self._counted_at = now


class UnreadCount(KeptCount):
    """How many notifications a connected user has not read."""

    __slots__ = ()

    mark = "unread"

    async def begin(self, bus: BusFace) -> None:
        """Read the count for the first time, with others who have just come.

        Which rows were read or deleted lately is not read with it. Such a row may still be
        announced, and then only a recount can tell it from one that came after the count was read;
        so it is with whatever may have been stored by then, here or by another process.
        """
        self._recounted_at_s = time.monotonic()
        now = self._clock.store_now()
        since = now - RECENT
        unread = await self._recounts.unread(self._user_id, recent_since=since)
        self.count = unread.count
        self.recent_since = since
        self.recent_ids = frozenset(each.bytes for each in unread.recent_ids)
        apart = timedelta() if bus.is_alone else CLOCKS_APART
        self.certain_before = now - apart
        self.certain_after_s = time.monotonic()
        self.certain_after = self._clock.given_until + apart
        self._counted_at = now

    def has(self, announced: Deliver) -> bool:
        """Tell whether it was unread when it was announced."""
        return announced.is_unread


class ShownCount(KeptCount):
    """How many notifications the inbox of a connected user shows."""

    __slots__ = ()

    mark = "inbox"

    def has(self, announced: Deliver) -> bool:
        """Count every row: what is announced is shown."""
        return True

    def note(self, announced: Deliver) -> None:
        """Count a row that is announced, or, where only the store can tell, all the next time.

        Until it is asked for the first time there is no count, and so nothing to do.
        """
        if not self.include(announced):
            self.distrust()
