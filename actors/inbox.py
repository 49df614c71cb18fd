"""Change an inbox, so that every connection of its user sees it.

Who is connected here has an actor, and the change goes through it; for anybody else the store is
changed directly, and whoever they are connected with is told by the bus.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from actors import messages
from actors.bus_face import BusFace
from actors.directory import Directory
from actors.inbox_change import InboxChange, OneDeleted, OneRead, SeveralRead
from actors.inbox_counts import InboxCounts
from actors.parcels import Changed
from storage.notifications import InboxFilter, ListedRow, NotificationsRepository, NotInInbox
from storage.positions import PositionClock

DEADLINE_S = 10.0

BY_EMAIL = "email"
"""The action of a click that was made in a mail."""


@dataclass(frozen=True, slots=True)
class InboxPage:
    """What of an inbox was asked for, newest first, and how much there is besides."""

    count: int
    """Of what was asked for, on all pages."""

    unread_count: int
    """Of the whole inbox."""

    rows: Sequence[ListedRow]


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

    async def page(
        self, user_id: UUID, wanted: InboxFilter, *, page: int, page_size: int
    ) -> InboxPage:
        """Return page `page` (from 1) of what is wanted.

        The store is asked for the rows and, where those do not say it, for the counts; who is
        connected has an actor that knows how many there are.
        """
        rows = await self._notifications.page(user_id, wanted, page=page, page_size=page_size)
        passed_over = (page - 1) * page_size
        count = None
        if len(rows) < page_size and (rows or not passed_over):
            # It is the last page.
            count = passed_over + len(rows)
        actor = self._directory.find(user_id)
        if actor is None:
            unread_count = await self._unread_beside(user_id, wanted, rows, count)
        else:
            asked = messages.CountInbox(rows, is_shown_wanted=count is None and wanted.is_by_state)
            counts: InboxCounts = await actor.request(asked, deadline_s=DEADLINE_S)
            unread_count = counts.unread
            if counts.shown is not None:
                count = _of_state(counts.shown, unread_count, is_read=wanted.is_read)
        if count is None:
            count = await self._notifications.count(user_id, wanted)
        return InboxPage(count, unread_count, rows)

    async def _unread_beside(
        self, user_id: UUID, wanted: InboxFilter, rows: Sequence[ListedRow], count: int | None
    ) -> int:
        """Return how many are unread, by what was read of the inbox already if that says it."""
        if count is not None and wanted.is_by_state:
            if wanted.is_read is False:
                return count
            if wanted.is_read is None and count == len(rows):
                return sum(not row.is_read for row in rows)
        return await self._notifications.unread_count(user_id)

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


def _of_state(shown: int, unread: int, *, is_read: bool | None) -> int:
    """Return how many of an inbox are read or unread, or all that are shown."""
    if is_read is None:
        return shown
    return shown - unread if is_read else unread
