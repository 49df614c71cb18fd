"""`listing.interest`: keep who wants to hear before a listing expires (contract section 3)."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from actors.flows.plan import ReadModelFlow
from storage.events import StoredEvent
from storage.interests import Interest, InterestsRepository
from storage.positions import PositionClock


class ListingInterests(ReadModelFlow):
    """`listing.interest`."""

    def __init__(self, interests: InterestsRepository, clock: PositionClock) -> None:
        self._interests = interests
        self._clock = clock

    async def apply(self, events: Sequence[StoredEvent]) -> None:
        """Store whose interest `events` tell of."""
        await self._interests.record(
            [
                Interest(event.data["listing_id"], UUID(event.data["user_id"]), event.occurred_at)
                for event in events
            ],
            at=self._clock.store_now(),
        )
