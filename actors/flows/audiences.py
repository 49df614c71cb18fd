"""Make audiences out of the repositories of one store client."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from actors.flows.audience import Audience
from actors.flows.followers import FollowersOf
from actors.flows.followers_of_any import FollowersOfAny
from actors.flows.interested import InterestedIn
from actors.flows.named_users import NamedUsers
from actors.flows.segment_users import UsersOf
from rules.segments import EVERYBODY, Segment
from storage.businesses import Business
from storage.campaigns import CampaignAudience
from storage.stores import Stores


class Audiences:
    """The audiences that flows tell something."""

    def __init__(self, stores: Stores) -> None:
        self._stores = stores

    def followers(self, business: Business, *, following_at: datetime) -> FollowersOf:
        """Return those who followed `business` at `following_at` and still do."""
        return FollowersOf(
            self._stores.follows,
            self._stores.users,
            business.id,
            following_at=following_at,
            expected=business.followers_count,
        )

    async def interested(self, listing_id: str, *, by: datetime) -> Audience:
        """Return those who had shown interest in the listing `by` then."""
        interests = self._stores.interests
        return InterestedIn(
            interests,
            self._stores.users,
            listing_id,
            by=by,
            expected=await interests.count(listing_id),
        )

    async def users(self, segment: Segment) -> Audience:
        """Return the users of `segment`."""
        segments = self._stores.segments
        return UsersOf(segments, segment, expected=await segments.candidates(segment))

    def named(self, ids: Collection[UUID], segment: Segment = EVERYBODY) -> Audience:
        """Return those of `ids` who are known and of `segment`."""
        return NamedUsers(self._stores.segments, ids, segment)

    async def campaign(self, wanted: CampaignAudience) -> Audience:
        """Return those of whom all that is wanted is true, by what finds the fewest."""
        segment = Segment(
            user_types=tuple(wanted.user_types),
            locales=tuple(wanted.locales),
            active_since=wanted.active_since,
            followers_of=frozenset(wanted.followers_of),
        )
        if wanted.user_ids:
            return self.named(wanted.user_ids, segment)
        if not wanted.followers_of:
            return await self.users(segment)
        businesses = await self._stores.businesses.find_many(wanted.followers_of)
        return FollowersOfAny(
            self._stores.follows,
            self._stores.segments,
            wanted.followers_of,
            segment,
            expected=sum(each.followers_count for each in businesses.values()),
        )
