"""Page through the followers of a business, newest first, by closed ranges of time.

A sorted page costs the embedded store as much as the whole list (3.5 s of 100,000), and no store
finds the hundredth page without counting what is before it. So a page is found by counting: windows
of time are gone back through, wider while they hold little, narrower while they hold more than is
worth reading, and only the rows of the windows that the page lies in are read.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from storage.positions import EPOCH, MILLISECOND

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from storage.businesses import Business
    from storage.follows import Follow, FollowsRepository
    from storage.positions import PositionClock

MOST_READ = 1_000
"""Follows read at once. Most businesses have fewer in all."""

MOST_COUNTED = 8_000
"""Follows counted at once: about 80 ms on the embedded store."""

FIRST_WINDOW = timedelta(days=1)

CLOCKS_APART = timedelta(minutes=1)
"""Another process's clock is ahead of this one's by less than this."""


@dataclass(frozen=True, slots=True)
class FollowersPage:
    """How many follow in all, and those of the page."""

    count: int
    follows: list[Follow]


class Followers:
    """The followers of businesses, as a list."""

    def __init__(
        self, follows: FollowsRepository, clock: PositionClock, *, most_read: int = MOST_READ
    ) -> None:
        self._follows = follows
        self._clock = clock
        self._most_read = most_read

    async def page(
        self, business: Business, *, page: int, page_size: int, user_type: str | None = None
    ) -> FollowersPage:
        """Return page `page` (from 1) of the followers, or of those of `user_type`."""
        first = (page - 1) * page_size
        until = self._clock.store_now() + CLOCKS_APART
        if business.followers_count <= self._most_read:
            follows = await self._follows.followed(
                business.id, since=EPOCH, before=until, user_type=user_type
            )
            return FollowersPage(len(follows), follows[first : first + page_size])
        count = business.followers_count
        if user_type is not None:
            count = await self._follows.followed_count(
                business.id, since=EPOCH, before=until, user_type=user_type
            )
        if first >= count:
            return FollowersPage(count, [])
        follows = await self._found(
            business.id, first, page_size, before=until, user_type=user_type
        )
        return FollowersPage(count, follows)

    async def _found(
        self, business_id: UUID, first: int, wanted: int, *, before: datetime, user_type: str | None
    ) -> list[Follow]:
        """Return the `wanted` follows from place `first` (from 0) on, going back from `before`."""
        found: list[Follow] = []
        passed = 0
        width = FIRST_WINDOW
        while len(found) < wanted and before > EPOCH:
            since = max(EPOCH, before - width)
            held = await self._follows.followed_count(
                business_id, since=since, before=before, user_type=user_type
            )
            if passed + held <= first:
                enough = MOST_COUNTED
            elif held > self._most_read and width > MILLISECOND:
                width = width // (2 * MILLISECOND) * MILLISECOND
                continue
            else:
                enough = self._most_read
                follows = await self._follows.followed(
                    business_id, since=since, before=before, user_type=user_type
                )
                found += follows[max(0, first - passed) :]
            passed += held
            before = since
            if held < enough // 2:
                width *= 2
        return found[:wanted]
