"""Blank notifications after 90 days, and remove their rows after six months (contract section 6).

In small batches with pauses, so that nobody waits for it; killed at any moment, the next run goes
on. Two at once do the same work twice, and no harm.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from rules.retention import blanked_before, removed_before
from rules.time_windows import middle
from storage.positions import EPOCH
from storage.retention_progress import Batch
from tasks.archives.files import file_name, packed

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator
    from datetime import datetime

    from storage.aged_notifications import AgedNotifications
    from storage.positions import PositionClock
    from storage.retention_progress import RetentionProgress
    from tasks.archives.archive import Archive

BLANKED_AT_ONCE = 200
REMOVED_AT_ONCE = 1_000
"""Rows of a batch, and of a file of the archive."""

SHORTEST_PAUSE_S = 0.01

MARGIN = timedelta(hours=1)
"""Rows younger than this may still be on their way into the store."""


@dataclass(slots=True)
class Retained:
    """What one run did."""

    blanked: int = 0
    removed: int = 0
    files: int = 0
    has_more: bool = False
    """Whether there was no time for all."""

    def __bool__(self) -> bool:
        """Tell whether there was anything."""
        return bool(self.blanked or self.removed or self.has_more)

    def __str__(self) -> str:
        """Return it in words."""
        done = f"{self.blanked} blanked, {self.removed} removed, {self.files} files archived"
        return f"{done}; more is left" if self.has_more else done


class Retention:
    """Keeps notifications as long as they may be kept."""

    def __init__(
        self,
        notifications: AgedNotifications,
        progress: RetentionProgress,
        clock: PositionClock,
        *,
        within: timedelta,
        archive: Archive | None = None,
        blanked_at_once: int = BLANKED_AT_ONCE,
        removed_at_once: int = REMOVED_AT_ONCE,
    ) -> None:
        """Take how long a run may last; without an archive rows are removed for good."""
        self._notifications = notifications
        self._progress = progress
        self._clock = clock
        self._within_s = within.total_seconds()
        self._archive = archive
        self._blanked_at_once = blanked_at_once
        self._removed_at_once = removed_at_once

    async def run(self, as_of: datetime) -> Retained:
        """Do what is to be done as of then. Raises StoreUnavailable and ArchiveUnavailable."""
        done = Retained()
        began_s = time.monotonic()
        stop_at_s = began_s + self._within_s
        async with aclosing(self._steps(as_of, done)) as steps:
            async for _ in steps:
                if time.monotonic() >= stop_at_s:
                    done.has_more = True
                    break
                # As long as it took, so that the store is others' half of the time.
                await asyncio.sleep(max(SHORTEST_PAUSE_S, time.monotonic() - began_s))
                began_s = time.monotonic()
        return done

    async def _steps(self, as_of: datetime, done: Retained) -> AsyncGenerator[None, None]:
        """Do it, yielding after every batch."""
        async for batch in self._batches(
            await self._progress.blanked_until(), blanked_before(as_of), self._blanked_at_once
        ):
            done.blanked += await self._notifications.blank(batch.since, batch.until)
            # As of a time to come, more will be made before it, which is not blanked yet.
            await self._progress.blanked(min(batch.until, self._clock.store_now() - MARGIN))
            yield
        if self._archive is not None and (left := await self._progress.open_batch()) is not None:
            await self._put_away(left, self._archive, done)
            yield
        async for batch in self._batches(EPOCH, removed_before(as_of), self._removed_at_once):
            if self._archive is None:
                done.removed += await self._notifications.remove(batch.since, batch.until)
            elif await self._progress.begin(batch):
                await self._put_away(batch, self._archive, done)
            yield

    async def _put_away(self, batch: Batch, archive: Archive, done: Retained) -> None:
        """Write `batch` unless it is written, remove its rows, and close it."""
        if not batch.is_written:
            rows = await self._notifications.rows(batch.since, batch.until)
            if await self._progress.open_batch() != batch:
                # Another run wrote it meanwhile, and what we read may be what that has left.
                return
            if rows:
                await archive.put(file_name(rows), await asyncio.to_thread(packed, rows))
                done.files += 1
            await self._progress.written(batch)
        done.removed += await self._notifications.remove(batch.since, batch.until)
        await self._progress.end(batch)

    async def _batches(self, since: datetime, until: datetime, most: int) -> AsyncIterator[Batch]:
        """Cut the time from `since` to before `until` into batches of `most` rows at most.

        Of one millisecond all rows are one batch, however many.
        """
        ends = [until]
        while ends:
            rows = await self._notifications.count(since, ends[-1], most=most + 1)
            cut = middle(since, ends[-1]) if rows > most else None
            if cut is not None:
                ends.append(cut)
                continue
            if rows:
                yield Batch(since, ends[-1])
            since = ends.pop()
