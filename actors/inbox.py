"""Change an inbox, so that every connection of its user sees it.

Who is connected here has an actor, and the change goes through it; for anybody else the store is
changed directly, and whoever they are connected with is told by the bus.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from actors import messages
from actors.bus_face import BusFace
from actors.directory import Directory
from actors.inbox_change import InboxChange, OneDeleted, OneRead, SeveralRead
from actors.parcels import Changed
from storage.notifications import NotificationsRepository, NotInInbox
from storage.positions import PositionClock

DEADLINE_S = 10.0

BY_EMAIL = "email"
"""The action of a click that was made in a mail."""


class Inbox:
    """What REST does to inboxes."""

    def __init__(
        self,
        directory: Directory,
        notifications: NotificationsRepository,
        clock: PositionClock,
        bus: BusFace,
    ) -> None:
        self._directory = directory
        self._notifications = notifications
        self._clock = clock
        self._bus = bus

    async def unread_count(self, user_id: UUID) -> int:
        """Return how many are unread."""
        actor = self._directory.find(user_id)
        if actor is None:
            return await self._notifications.unread_count(user_id)
        count: int = await actor.request(messages.CountUnread(), deadline_s=DEADLINE_S)
        return count

    async def mark_read(self, user_id: UUID, ids: tuple[UUID, ...]) -> messages.Marked:
        """Mark `ids` read; ids that are not the user's change nothing."""
        if self._directory.find(user_id) is not None:
            return await self._marked(user_id, messages.MarkRead(ids))
        marked = await self._notifications.mark_read(user_id, ids, at=self._clock.store_now())
        return await self._told(
            user_id, OneRead(ids[0]) if len(ids) == 1 else SeveralRead(marked), marked
        )

    async def mark_all_read(self, user_id: UUID) -> messages.Marked:
        """Mark everything read."""
        if self._directory.find(user_id) is not None:
            return await self._marked(user_id, messages.MarkAllRead())
        marked = await self._notifications.mark_all_read(user_id, at=self._clock.store_now())
        return await self._told(user_id, SeveralRead(marked), marked)

    async def click(
        self, user_id: UUID, notification_id: UUID, action: str | None
    ) -> messages.Marked:
        """Keep that one was clicked, and mark it read; raises NotInInbox."""
        if self._directory.find(user_id) is not None:
            return await self._marked(user_id, messages.Click(notification_id, action))
        marked = await self._notifications.click(
            user_id, notification_id, action=action, at=self._clock.store_now()
        )
        return await self._told(user_id, OneRead(notification_id), marked)

    async def follow(self, user_id: UUID, notification_id: UUID) -> None:
        """Keep that a link in a mail about one was followed, which is a click of it.

        The inbox need not show it, and it may be long gone.
        """
        try:
            await self.click(user_id, notification_id, BY_EMAIL)
        except NotInInbox:
            await self._notifications.click_elsewhere(
                user_id, notification_id, action=BY_EMAIL, at=self._clock.store_now()
            )

    async def delete(self, user_id: UUID, notification_id: UUID) -> bool:
        """Delete one softly; tell whether there was one to delete."""
        actor = self._directory.find(user_id)
        if actor is None:
            is_deleted = await self._notifications.delete(
                user_id, notification_id, at=self._clock.store_now()
            )
            if is_deleted:
                self._bus.send(Changed(user_id, OneDeleted(notification_id)))
            return is_deleted
        return bool(await actor.request(messages.Delete(notification_id), deadline_s=DEADLINE_S))

    async def _marked(self, user_id: UUID, message: Any) -> messages.Marked:
        actor = self._directory.find(user_id)
        assert actor is not None
        marked: messages.Marked = await actor.request(message, deadline_s=DEADLINE_S)
        return marked

    async def _told(self, user_id: UUID, change: InboxChange, marked: int) -> messages.Marked:
        """Tell other processes if anything changed, and return what the store says now."""
        if marked:
            self._bus.send(Changed(user_id, change))
        return messages.Marked(marked, await self._notifications.unread_count(user_id))
