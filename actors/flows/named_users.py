"""Users named by their ids, as an audience."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Collection
from uuid import UUID

from actors.flows.audience import Audience, RecipientBatch, Stretch
from rules.batching import BatchSizer
from rules.segments import Segment
from storage.segments import SegmentsRepository


class NamedUsers(Audience):
    """Those of `ids` who are known and of `segment` when their turn comes.

    The cursor is a place in the order of ids.
    """

    def __init__(
        self, segments: SegmentsRepository, ids: Collection[UUID], segment: Segment
    ) -> None:
        self._segments = segments
        self._ids = sorted(set(ids))
        self._segment = segment

    @property
    def end(self) -> int:
        """Return how many are named."""
        return len(self._ids)

    async def batches(
        self, sizer: BatchSizer, stretch: Stretch | None = None
    ) -> AsyncGenerator[RecipientBatch, None]:
        """Yield as many ids at a time as `sizer` says."""
        stretch = stretch or Stretch()
        place = stretch.cursor
        while place < (end := min(len(self._ids), stretch.until)):
            ids = self._ids[place : min(end, place + sizer.rows)]
            stretch.read_until = place + len(ids)
            began = time.monotonic()
            found = await self._segments.known(ids)
            recipients = [each.recipient for each in found if self._segment.has(each.traits)]
            place += len(ids)
            yield RecipientBatch(recipients, place, len(ids), time.monotonic() - began)
