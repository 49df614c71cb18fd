"""Tell the owner of a business, at once and on the socket only, who has begun to follow it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import structlog

from actors.frames import new_follower
from actors.socket_events import SocketEvent, SocketEvents
from storage.businesses import Business, BusinessesRepository
from storage.client import StoreRefused, StoreUnavailable
from storage.collection import IDS_AT_ONCE
from storage.names import NameResolver
from storage.together import Together

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _NewFollower:
    """A follow that has been made, and who is told of it."""

    owner_id: UUID
    business_id: UUID
    user_id: UUID
    user_type: str


class NewFollowers:
    """Announces follows that have been made, those of the same moment together."""

    def __init__(
        self, businesses: BusinessesRepository, names: NameResolver, socket_events: SocketEvents
    ) -> None:
        self._businesses = businesses
        self._names = names
        self._socket_events = socket_events
        self._tell = Together(self._tell_all, most=IDS_AT_ONCE)

    async def announce(self, business: Business, user_id: UUID, user_type: str) -> None:
        """Tell the owner of `business` that the user follows it, for the first time or again.

        The follow is made: that its owner cannot be told just now is no failure of it.
        """
        if business.owner_id is None or not self._socket_events.may_reach(business.owner_id):
            return
        try:
            await self._tell(_NewFollower(business.owner_id, business.id, user_id, user_type))
        except (StoreUnavailable, StoreRefused) as error:
            log.warning("follow_not_announced", business_id=str(business.id), reason=error.reason)

    async def _tell_all(self, made: Sequence[_NewFollower]) -> list[None]:
        """Look up what is shown of them, but for owners who are nowhere, and send it."""
        owners = await self._socket_events.reachable({each.owner_id for each in made})
        await self._show([each for each in made if each.owner_id in owners])
        return [None] * len(made)

    async def _show(self, made: Sequence[_NewFollower]) -> None:
        if not made:
            return
        businesses = await self._businesses.find_many({each.business_id for each in made})
        names = await self._names.resolve(users=[each.user_id for each in made])
        shown = []
        for each in made:
            business, user = businesses.get(each.business_id), names.users.get(each.user_id)
            frame = new_follower(
                each.user_id,
                user.name if user else None,
                each.user_type,
                business.followers_count if business else 0,
            )
            shown.append(SocketEvent(each.owner_id, frame))
        await self._socket_events.send_all(shown)
