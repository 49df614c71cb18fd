"""Change an inbox, so that every connection of its user sees it.

Who is connected has an actor, here or at another process, and the change goes through it. For
anybody else, and where that process does not answer, the store is changed directly, and whoever
they are connected with is told. What may have been done by an actor is done again then: it changes
nothing twice, and all are told, because that actor may have had no time for it.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pykka import ActorDeadError

from actors import messages
from actors.bus_face import BusFace
from actors.directory import Directory
from actors.elsewhere import Elsewhere
from actors.inbox_change import InboxChange, OneDeleted, OneRead, SeveralRead
from actors.loop_ref import DeadlineExceeded
from actors.mailbox import MailboxFull
from actors.parcels import Changed
from actors.pending_questions import NotAnswered
from actors.questions import Inquiry
from storage.notifications import InboxFilter, ListedRow, NotificationsRepository, NotInInbox
from storage.positions import PositionClock

DEADLINE_S = 10.0

STATE_WITHIN_S = 1.0
"""After that it is quicker to read what is there."""

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
        elsewhere: Elsewhere,
    ) -> None:
        self._directory = directory
        self._notifications = notifications
        self._clock = clock
        self._bus = bus
        self._elsewhere = elsewhere

    async def unread_count(self, user_id: UUID) -> int:
        """Return how many are unread."""
        try:
            count: int = await self._ask(user_id, messages.CountUnread())
        except NotAnswered:
            count = await self._notifications.unread_count(user_id)
        return count

    async def state(self, user_id: UUID) -> messages.InboxState | None:
        """Return what is the same while nothing changes that the inbox lists.

        None where nobody can say so: they are not connected, their actor is too busy, or changes
        may not be told.
        """
        state: messages.InboxState | None = None
        with suppress(NotAnswered, ActorDeadError, MailboxFull, DeadlineExceeded):
            state = await self._ask(user_id, messages.TellState(), within_s=STATE_WITHIN_S)
        return state

    def is_here(self, user_id: UUID) -> bool:
        """Tell whether somebody is connected to this process."""
        return self._directory.find(user_id) is not None

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
        unread_count = None
        if self._directory.find(user_id) is None:
            unread_count = _unread_of(wanted, rows, count)
        if unread_count is None:
            asked = messages.CountInbox(rows, is_shown_wanted=count is None and wanted.is_by_state)
            try:
                counts: messages.InboxCounts = await self._ask(user_id, asked)
            except NotAnswered:
                unread_count = await self._notifications.unread_count(user_id)
            else:
                unread_count = counts.unread
                if counts.shown is not None:
                    count = _of_state(counts.shown, unread_count, is_read=wanted.is_read)
        if count is None:
            count = await self._notifications.count(user_id, wanted)
        return InboxPage(count, unread_count, rows)

    async def mark_read(self, user_id: UUID, ids: tuple[UUID, ...]) -> messages.Marked:
        """Mark `ids` read; ids that are not the user's change nothing."""
        try:
            return await self._marked(user_id, messages.MarkRead(ids))
        except NotAnswered as error:
            marked = await self._notifications.mark_read(user_id, ids, at=self._clock.store_now())
            change = OneRead(ids[0]) if len(ids) == 1 else SeveralRead(marked)
            return await self._told(user_id, change, marked, error)

    async def mark_all_read(self, user_id: UUID) -> messages.Marked:
        """Mark everything read."""
        try:
            return await self._marked(user_id, messages.MarkAllRead())
        except NotAnswered as error:
            marked = await self._notifications.mark_all_read(user_id, at=self._clock.store_now())
            return await self._told(user_id, SeveralRead(marked), marked, error)

    async def click(
        self, user_id: UUID, notification_id: UUID, action: str | None
    ) -> messages.Marked:
        """Keep that one was clicked, and mark it read; raises NotInInbox."""
        try:
            return await self._marked(user_id, messages.Click(notification_id, action))
        except NotAnswered as error:
            marked = await self._notifications.click(
                user_id, notification_id, action=action, at=self._clock.store_now()
            )
            return await self._told(user_id, OneRead(notification_id), marked, error)

    async def follow(self, user_id: UUID, notification_id: UUID) -> None:
        """Keep that a link in a mail about one was followed, which is a click of it.

        The inbox need not show it, and it may be long gone. Nobody waits for a count, so only an
        actor that is here is asked: another process may have died, and to find that out takes
        longer than somebody waits who follows a link.
        """
        try:
            if self._directory.find(user_id) is not None:
                await self.click(user_id, notification_id, BY_EMAIL)
            elif await self._notifications.click(
                user_id, notification_id, action=BY_EMAIL, at=self._clock.store_now()
            ):
                self._tell(user_id, OneRead(notification_id))
        except NotInInbox:
            await self._notifications.click_elsewhere(
                user_id, notification_id, action=BY_EMAIL, at=self._clock.store_now()
            )

    async def delete(self, user_id: UUID, notification_id: UUID) -> bool:
        """Delete one softly; tell whether there was one to delete."""
        try:
            return bool(await self._ask(user_id, messages.Delete(notification_id)))
        except NotAnswered as error:
            is_deleted = await self._notifications.delete(
                user_id, notification_id, at=self._clock.store_now()
            )
            if error.is_in_doubt and not is_deleted:
                # Nobody but who asked for this is likely to have done it.
                row = await self._notifications.find(user_id, notification_id)
                is_deleted = row is not None and row.is_deleted
            if is_deleted:
                self._tell(user_id, OneDeleted(notification_id))
            return is_deleted

    async def _ask(self, user_id: UUID, message: Inquiry, *, within_s: float | None = None) -> Any:
        """Return what the user's actor replies, wherever it is; raises NotAnswered."""
        actor = self._directory.find(user_id)
        if actor is None:
            return await self._elsewhere.ask(user_id, message, within_s=within_s)
        return await actor.request(message, deadline_s=within_s or DEADLINE_S)

    async def _marked(self, user_id: UUID, message: Inquiry) -> messages.Marked:
        marked: messages.Marked = await self._ask(user_id, message)
        return marked

    async def _told(
        self, user_id: UUID, change: InboxChange, marked: int, error: NotAnswered
    ) -> messages.Marked:
        """Tell all connections if anything may have changed, and return what the store says now."""
        if marked or (error.is_in_doubt and await self._may_be_so(user_id, change)):
            self._tell(user_id, change)
        return messages.Marked(marked, await self._notifications.unread_count(user_id))

    async def _may_be_so(self, user_id: UUID, change: InboxChange) -> bool:
        """Tell whether the actor that was asked may have done what the store had not to do."""
        if not isinstance(change, OneRead):
            return True
        # It may be no notification of theirs, or none at all.
        row = await self._notifications.find(user_id, change.notification_id)
        return row is not None and row.is_read and not row.is_deleted

    def _tell(self, user_id: UUID, change: InboxChange) -> None:
        self._bus.send(Changed(user_id, change))
        # Who has connected here meanwhile.
        self._directory.tell(user_id, messages.Reflect(change, time.monotonic()))


def _unread_of(wanted: InboxFilter, rows: Sequence[ListedRow], count: int | None) -> int | None:
    """Return how many are unread, where what was read of the inbox says it."""
    if count is not None and wanted.is_by_state:
        if wanted.is_read is False:
            return count
        if wanted.is_read is None and count == len(rows):
            return sum(not row.is_read for row in rows)
    return None


def _of_state(shown: int, unread: int, *, is_read: bool | None) -> int:
    """Return how many of an inbox are read or unread, or all that are shown."""
    if is_read is None:
        return shown
    return shown - unread if is_read else unread
