"""Those who showed interest in a listing, as an audience (contract section 3)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from actors.flows.audience import MOST_IN_RANGE, SlottedAudience
from rules.recipients import Recipient
from storage.interests import Interest, InterestsRepository
from storage.users import UsersRepository


class InterestedIn(SlottedAudience[Interest]):
    """Those who showed interest in `listing_id` by then, followers or not."""

    def __init__(
        self,
        interests: InterestsRepository,
        users: UsersRepository,
        listing_id: str,
        *,
        by: datetime,
        expected: int,
        most_in_range: int = MOST_IN_RANGE,
    ) -> None:
        super().__init__(expected=expected, most_in_range=most_in_range)
        self._interests = interests
        self._users = users
        self.listing_id = listing_id
        self._by = by

    async def read(self, slot_from: int, slot_to: int, *, limit: int | None) -> Sequence[Interest]:
        """Return the interests of these slots, whenever they were shown."""
        return await self._interests.range(
            self.listing_id, slot_from=slot_from, slot_to=slot_to, limit=limit
        )

    async def recipients(self, rows: Sequence[Interest]) -> Sequence[Recipient]:
        """Return who was in time; who is not known is told as by the default preferences."""
        ids = [interest.user_id for interest in rows if interest.occurred_at <= self._by]
        known = await self._users.recipients(ids) if ids else {}
        return [known.get(user_id) or Recipient(user_id=user_id) for user_id in ids]
