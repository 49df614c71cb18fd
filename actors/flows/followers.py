"""The followers of a business, as an audience (contract section 3)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from actors.flows.audience import MOST_IN_RANGE, SlottedAudience
from rules.audience import was_following
from rules.recipients import Recipient
from storage.follower_rows import Follower
from storage.follows import FollowsRepository
from storage.users import UsersRepository


class FollowersOf(SlottedAudience[Follower]):
    """Those who followed `business_id` at `following_at` and do when their turn comes."""

    def __init__(
        self,
        follows: FollowsRepository,
        users: UsersRepository,
        business_id: UUID,
        *,
        following_at: datetime,
        expected: int,
        most_in_range: int = MOST_IN_RANGE,
    ) -> None:
        super().__init__(expected=expected, most_in_range=most_in_range)
        self._follows = follows
        self._users = users
        self.business_id = business_id
        self._following_at = following_at

    async def read(self, slot_from: int, slot_to: int, *, limit: int | None) -> Sequence[Follower]:
        """Return the follows of these slots that are active now."""
        return await self._follows.range(
            self.business_id, slot_from=slot_from, slot_to=slot_to, limit=limit
        )

    async def recipients(self, rows: Sequence[Follower]) -> Sequence[Recipient]:
        """Return who followed then too; who is not known is told as by the default preferences."""
        ids = self.ids(rows)
        known = await self._users.recipients(ids) if ids else {}
        return [known.get(user_id) or Recipient(user_id=user_id) for user_id in ids]

    def ids(self, rows: Sequence[Follower]) -> list[UUID]:
        """Return those of `rows` who followed then too."""
        return [
            follow.user_id
            for follow in rows
            if was_following(
                first_followed_at=follow.first_followed_at,
                gaps=follow.gaps,
                at=self._following_at,
            )
        ]
