"""`user.*` and `business.*`: keep the read models of users and businesses.

Events come in any order and many at a time; each field keeps its newest value.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from uuid import UUID

from actors.flows.plan import ReadModelFlow
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
    """`business.created` and `business.updated`."""

    def __init__(self, businesses: BusinessesRepository, resolvers: Iterable[NameResolver]) -> None:
        self._businesses = businesses
        self._resolvers = tuple(resolvers)

    async def apply(self, events: Sequence[StoredEvent]) -> None:
        """Store what `events` say of businesses."""
        changes = []
        for event in events:
            fields = dict(event.data)
            business_id = UUID(fields.pop("id"))
            changes.append(BusinessChange(business_id, fields, event.occurred_at))
        await self._businesses.apply(changes)
        for resolver in self._resolvers:
            resolver.forget(change.business_id for change in changes)
