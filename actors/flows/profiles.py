"""`user.*` and `business.*`: keep the read models of users and businesses.

Events come in any order and many at a time; each field keeps its newest value.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from uuid import UUID

from actors.flows.business_changes import CHANGED
from actors.flows.plan import ReadModelFlow
from actors.follow_ups import FollowUp, FollowUps
from storage.businesses import BusinessChange, BusinessesRepository
from storage.events import StoredEvent
from storage.names import NameResolver
from storage.users import ProfileChange, UsersRepository


class UserProfiles(ReadModelFlow):
    """`user.registered` and `user.updated`."""

    def __init__(self, users: UsersRepository, resolvers: Iterable[NameResolver]) -> None:
        self._users = users
        self._resolvers = tuple(resolvers)

    async def apply(self, events: Sequence[StoredEvent]) -> None:
        """Store what `events` say of users."""
        changes = []
        for event in events:
            fields = dict(event.data)
            user_id = UUID(fields.pop("id"))
            changes.append(ProfileChange(user_id, fields, event.occurred_at))
        await self._users.apply(changes)
        for resolver in self._resolvers:
            resolver.forget(change.user_id for change in changes)


class BusinessProfiles(ReadModelFlow):
    """`business.created` and `business.updated`; what followers may want to know follows from it.

    That is stored first: once the profile is, nobody can tell any more what was new. Of two updates
    that two processes apply in the same moment, each may be compared with what was before both.
    """

    def __init__(
        self,
        businesses: BusinessesRepository,
        resolvers: Iterable[NameResolver],
        follow_ups: FollowUps,
    ) -> None:
        self._businesses = businesses
        self._resolvers = tuple(resolvers)
        self._follow_ups = follow_ups

    async def apply(self, events: Sequence[StoredEvent]) -> None:
        """Store what `events` say of businesses."""
        changes = [_business_change(event) for event in events]
        news = await self._news(events, changes)
        await self._follow_ups.store(news)
        await self._businesses.apply(changes)
        for resolver in self._resolvers:
            resolver.forget(change.business_id for change in changes)
        if news:
            self._follow_ups.hand_over()

    async def _news(
        self, events: Sequence[StoredEvent], changes: Sequence[BusinessChange]
    ) -> list[FollowUp]:
        """Return what there is to tell followers, of what is known and of each other."""
        updated = {
            change.business_id
            for event, change in zip(events, changes, strict=True)
            if event.type == "business.updated"
        }
        # Of what is not known, nobody is a follower.
        known = await self._businesses.known(updated) if updated else {}
        news = []
        for event, change in zip(events, changes, strict=True):
            business = known.get(change.business_id)
            if business is None:
                continue
            told = business.learn(change.fields, change.occurred_at)
            if told and event.type == "business.updated":
                data = {
                    "business_id": str(change.business_id),
                    "changes": {name: asdict(each) for name, each in told.items()},
                }
                news.append(FollowUp(event, CHANGED, data))
        return news


def _business_change(event: StoredEvent) -> BusinessChange:
    fields = dict(event.data)
    business_id = UUID(fields.pop("id"))
    return BusinessChange(business_id, fields, event.occurred_at)
