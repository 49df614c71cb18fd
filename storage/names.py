"""Resolve the ids in rows to the names and logos that people see.

Rows hold ids of people and businesses, never their names, so that a changed or erased name is
changed everywhere at once. Look-ups are batched and kept for a minute; what this process itself
changes is forgotten at once.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from cachetools import TTLCache

from storage.businesses import Business, BusinessesRepository, BusinessNotFound
from storage.collection import IDS_AT_ONCE
from storage.notification_rows import NotificationRow
from storage.together import Together
from storage.users import Name, UsersRepository

KEPT_S = 60.0
UNKNOWN_FOR_S = 5.0
"""A sender who is no user, as services are none, is looked for no more often than that."""

CACHED = 20_000
"""Entries of each cache: today's 10,000 businesses twice over."""

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Names:
    """What one batch of rows refers to; an id that nothing is known of is absent."""

    users: dict[UUID, Name]
    businesses: dict[UUID, Business]


class NameResolver:
    """Look names up, at most one query a collection for any number of rows."""

    def __init__(
        self,
        users: UsersRepository,
        businesses: BusinessesRepository,
        *,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self._users = users
        self._businesses = businesses
        self._user_names: TTLCache[UUID, Name] = TTLCache(CACHED, KEPT_S, timer)
        self._business_names: TTLCache[UUID, Business] = TTLCache(CACHED, KEPT_S, timer)
        self._strangers: TTLCache[UUID, None] = TTLCache(CACHED, UNKNOWN_FOR_S, timer)
        self._find_business = Together(self._find_businesses, most=IDS_AT_ONCE)

    async def resolve(
        self, *, users: Iterable[UUID | None] = (), businesses: Iterable[UUID | None] = ()
    ) -> Names:
        """Return the names of `users` and `businesses`; None among them is passed over."""
        wanted = {each for each in set(users) if each not in self._strangers}
        known = await _through(self._user_names, wanted, self._users.names)
        for stranger in wanted - known.keys():
            if stranger is not None:
                self._strangers[stranger] = None
        return Names(
            users=known,
            businesses=await _through(self._business_names, businesses, self._businesses.find_many),
        )

    async def business(self, business_id: UUID) -> Business:
        """Return one business, as it was within the last minute; raises BusinessNotFound.

        Who asks for others in the same moment shares the look-up.
        """
        found = self._business_names.get(business_id) or await self._find_business(business_id)
        if found is None:
            raise BusinessNotFound(business_id)
        return found

    async def _find_businesses(self, ids: Sequence[UUID]) -> list[Business | None]:
        found = (await self.resolve(businesses=ids)).businesses
        return [found.get(business_id) for business_id in ids]

    async def of(self, rows: Collection[NotificationRow]) -> Names:
        """Return the names of whom `rows` are from."""
        return await self.resolve(
            users=(row.sender_id for row in rows), businesses=(row.business_id for row in rows)
        )

    def forget(self, ids: Iterable[UUID]) -> None:
        """Drop what is kept of these users or businesses, because it has just changed."""
        for changed in ids:
            self._user_names.pop(changed, None)
            self._business_names.pop(changed, None)
            self._strangers.pop(changed, None)


async def _through(
    cache: TTLCache[UUID, Value],
    wanted: Iterable[UUID | None],
    fetch: Callable[[Collection[UUID]], Awaitable[dict[UUID, Value]]],
) -> dict[UUID, Value]:
    ids = {wanted_id for wanted_id in wanted if wanted_id is not None}
    found = {kept_id: kept for kept_id in ids if (kept := cache.get(kept_id)) is not None}
    missing = ids - found.keys()
    if missing:
        fetched = await fetch(missing)
        cache.update(fetched)
        found.update(fetched)
    return found
