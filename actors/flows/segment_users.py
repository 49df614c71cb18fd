"""The users of a segment, as an audience."""

from __future__ import annotations

from collections.abc import Sequence

from actors.flows.audience import MOST_IN_RANGE, SlottedAudience
from rules.recipients import Recipient
from rules.segments import Segment
from storage.segments import Candidate, SegmentsRepository


class UsersOf(SlottedAudience[Candidate]):
    """Those who are of `segment` when their turn comes."""

    def __init__(
        self,
        segments: SegmentsRepository,
        segment: Segment,
        *,
        expected: int,
        most_in_range: int = MOST_IN_RANGE,
    ) -> None:
        super().__init__(expected=expected, most_in_range=most_in_range)
        self._segments = segments
        self._segment = segment

    async def read(self, slot_from: int, slot_to: int, *, limit: int | None) -> Sequence[Candidate]:
        """Return the users of these slots of whom some may be of the segment."""
        return await self._segments.range(
            self._segment, slot_from=slot_from, slot_to=slot_to, limit=limit
        )

    async def recipients(self, rows: Sequence[Candidate]) -> Sequence[Recipient]:
        """Return those who are."""
        return [row.recipient for row in rows if self._segment.has(row.traits)]
