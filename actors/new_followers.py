"""Tell the owner of a business, at once and on the socket only, who has begun to follow it."""

from __future__ import annotations

from uuid import UUID

import structlog

from actors.frames import new_follower
from actors.socket_events import SocketEvents
from storage.businesses import Business, BusinessesRepository
from storage.client import StoreUnavailable
from storage.names import NameResolver

log = structlog.get_logger(__name__)


class NewFollowers:
    """Announces follows that have been made."""

    def __init__(
        self, businesses: BusinessesRepository, names: NameResolver, socket_events: SocketEvents
    ) -> None:
        self._businesses = businesses
        self._names = names
        self._socket_events = socket_events

    async def announce(self, business: Business, user_id: UUID, user_type: str) -> None:
        """Tell the owner of `business` that the user follows it, for the first time or again.

        The follow is made: that its owner cannot be told just now is no failure of it.
        """
        if business.owner_id is None or not self._socket_events.may_reach(business.owner_id):
            return
        try:
            followers = await self._businesses.followers_count(business.id)
            names = await self._names.resolve(users=[user_id])
        except StoreUnavailable as error:
            log.warning("follow_not_announced", business_id=str(business.id), reason=error.reason)
            return
        user = names.users.get(user_id)
        frame = new_follower(user_id, user.name if user else None, user_type, followers.count)
        await self._socket_events.send(business.owner_id, frame)
