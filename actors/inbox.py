"""Change an inbox, so that every connection of its user sees it.

Who is connected has an actor, and the change goes through it; for anybody else there is nobody to
tell and the store is changed directly.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from actors import messages
from actors.directory import Directory
from storage.notifications import NotificationsRepository
from storage.positions import PositionClock

DEADLINE_S = 10.0


class Inbox:
    """What REST does to inboxes."""

    def __init__(
        self,
        directory: Directory,
        notifications: NotificationsRepository,
        clock: PositionClock,
    ) -> None:
        self._directory = directory
        self._notifications = notifications
        self._clock = clock

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
        return messages.Marked(marked, await self._notifications.unread_count(user_id))

    async def mark_all_read(self, user_id: UUID) -> messages.Marked:
        """Mark everything read."""
        if self._directory.find(user_id) is not None:
            return await self._marked(user_id, messages.MarkAllRead())
        marked = await self._notifications.mark_all_read(user_id, at=self._clock.store_now())
        return messages.Marked(marked, await self._notifications.unread_count(user_id))

    async def click(
        self, user_id: UUID, notification_id: UUID, action: str | None
    ) -> messages.Marked:
        """Keep that one was clicked, and mark it read; raises NotInInbox."""
        if self._directory.find(user_id) is not None:
            return await self._marked(user_id, messages.Click(notification_id, action))
        marked = await self._notifications.click(
            user_id, notification_id, action=action, at=self._clock.store_now()
        )
        return messages.Marked(marked, await self._notifications.unread_count(user_id))

    async def delete(self, user_id: UUID, notification_id: UUID) -> bool:
        """Delete one softly; tell whether there was one to delete."""
        actor = self._directory.find(user_id)
        if actor is None:
            return await self._notifications.delete(
                user_id, notification_id, at=self._clock.store_now()
            )
        is_deleted: bool = await actor.request(
            messages.Delete(notification_id), deadline_s=DEADLINE_S
        )
        return is_deleted

    async def _marked(self, user_id: UUID, message: Any) -> messages.Marked:
        actor = self._directory.find(user_id)
        assert actor is not None
        marked: messages.Marked = await actor.request(message, deadline_s=DEADLINE_S)
        return marked
