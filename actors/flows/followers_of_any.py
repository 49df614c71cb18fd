"""Those who follow any of several businesses, as an audience."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from uuid import UUID

from actors.flows.audience import MOST_IN_RANGE, SlottedAudience
from rules.recipients import Recipient
from rules.segments import Segment
from storage.follower_rows import Follower
from storage.follows import FollowsRepository
from storage.segments import SegmentsRepository


class FollowersOfAny(SlottedAudience[Follower]):
    """Those who follow any of `business_ids` when their turn comes, and are of `segment`."""

    def __init__(
        self,
        follows: FollowsRepository,
        segments: SegmentsRepository,
        business_ids: Collection[UUID],
        segment: Segment,
        *,
        expected: int,
        most_in_range: int = MOST_IN_RANGE,
    ) -> None:
        super().__init__(expected=expected, most_in_range=most_in_range)
        self._follows = follows
        self._segments = segments
        self._business_ids = tuple(dict.fromkeys(business_ids))
        self._segment = segment

    async def read(self, slot_from: int, slot_to: int, *, limit: int | None) -> Sequence[Follower]:
        """Return the follows of these slots, somebody's as many times as they follow one."""
        found: list[Follower] = []
        for business_id in self._business_ids:
            found += await self._follows.range(
                business_id, slot_from=slot_from, slot_to=slot_to, limit=limit
            )
            if limit is not None and len(found) >= limit:
                break
        return found

    async def recipients(self, rows: Sequence[Follower]) -> Sequence[Recipient]:
        """Return each of them once; a user has the same slot with every business."""
        ids = dict.fromkeys(follow.user_id for follow in rows)
        known = await self._segments.known(ids) if ids else ()
        return [each.recipient for each in known if self._segment.has(each.traits)]
