"""The actor of one connected user: all that its connections see goes through its mailbox.

Because one message is finished before the next begins, the order in the mailbox is the order on
every socket, and attaching is simple: a connection is taken first and the unread count is read
then, while whatever is announced meanwhile waits in the mailbox (attach before you read).
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, TypeVar
from uuid import UUID

from pykka import ActorDeadError

from actors import frames, messages
from actors.attachment import CATCH_UP_WITHIN_S, NEXT_PAGE_WITHIN_S, Attachment
from actors.attachments import Attachments
from actors.bus_face import BusFace
from actors.connection import Connection
from actors.inbox_change import InboxChange, OneDeleted, OneRead, SeveralRead
from actors.inbox_counts import inbox_counts, inbox_state, is_on_its_way
from actors.kept_count import ShownCount, UnreadCount
from actors.loop_actor import LoopActor
from actors.mailbox import MailboxFull
from actors.parcels import Changed
from actors.recounter import Recounts
from actors.sync import answer_to_sync, find_missed
from actors.told import Told
from storage.client import StoreUnavailable
from storage.names import NameResolver
from storage.notifications import NotificationsRepository
from storage.positions import PositionClock

Written = TypeVar("Written", int, bool)


class UserActor(LoopActor):
    """Holds a user's connections, unread count and last announcements.

    `on_idle` is called, in the turn in which it becomes so, when no connection is left and no
    message waits; `on_broken` when the actor fails.
    """

    mailbox_limit = 2_000

    def __init__(
        self,
        user_id: UUID,
        *,
        notifications: NotificationsRepository,
        recounts: Recounts,
        names: NameResolver,
        clock: PositionClock,
        bus: BusFace,
        on_idle: Callable[[], None],
        on_broken: Callable[[], None],
    ) -> None:
        super().__init__()
        self._user_id = user_id
        self._notifications = notifications
        self._names = names
        self._clock = clock
        self._bus = bus
        self._on_idle = on_idle
        self._on_broken = on_broken
        self._attached = Attachments()
        self._told = Told()
        self._unread = UnreadCount(user_id, recounts, clock)
        self._shown = ShownCount(user_id, recounts, clock)

    def on_receive(self, message: Any) -> Any:
        """Handle one message; what has to wait for the store returns a coroutine."""
        match message:
            case messages.Deliver():
                return self._deliver(message)
            case messages.Show():
                return self._attached.show(message.frame)
            case messages.Reflect():
                return self._reflect(message)
            case messages.CatchUp():
                return self._catch_up(message)
            case messages.Attach():
                return self._attach(message)
            case messages.Detach():
                return self._attached.remove(message.connection)
            case messages.Release():
                return message.attachment.end_holding(message.syncs)
            case messages.InTime():
                if time.monotonic() > message.until_s:
                    raise messages.TooLate(type(message.message).__name__)
                return self._change_or_count(message.message)
        return self._change_or_count(message)

    def _change_or_count(self, message: Any) -> Any:
        """Handle what is asked of the inbox itself."""
        match message:
            case messages.MarkRead():
                return self._mark_read(message)
            case messages.MarkAllRead():
                return self._mark_all_read(message)
            case messages.Click():
                return self._click(message)
            case messages.Delete():
                return self._delete(message.notification_id)
            case messages.Sync():
                return self._sync(message)
            case messages.CountUnread():
                return self._unread.fresh() if self._unread.is_old else self._unread.count
            case messages.CountInbox():
                shown = self._shown if message.is_shown_wanted else None
                return inbox_counts(self._unread, shown, message.listed, self._told)
            case messages.TellState():
                return inbox_state(self._unread, self._told, self._bus)
        raise TypeError(f"a user actor does not take {type(message).__name__}")

    def on_failure(
        self,
        exception_type: type[BaseException] | None,
        exception_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Let the clients come back to a new actor."""
        self._on_broken()

    def _deliver(self, message: messages.Deliver) -> Awaitable[None] | None:
        id_bytes = message.notification_id.bytes
        if self._told.has(id_bytes):
            return None
        self._told.announce(id_bytes)
        self._shown.note(message)
        if not self._unread.include(message):
            return self._recount_and_announce(message)
        self._announce(message)
        return None

    async def _recount_and_announce(self, message: messages.Deliver) -> None:
        """Announce a row of which it cannot be known whether the count has it."""
        try:
            await self._unread.recount()
        except StoreUnavailable:
            self._unread.guess(message)
        self._announce(message)

    def _announce(self, message: messages.Deliver) -> None:
        frame = message.announcement.frame(message.notification_id, self._unread.count)
        self._attached.announce(message.notification_id, frame)

    async def _reflect(self, message: messages.Reflect) -> None:
        """Tell what was done elsewhere, once."""
        if self._told.has_change(message.change):
            return
        await self._unread.reflect(message.arrived_at_s)
        if isinstance(message.change, OneDeleted):
            self._shown.distrust()
        self._tell_change(message.change)

    async def _catch_up(self, message: messages.CatchUp) -> None:
        """Tell what is new of what the store has: not announced yet, nor there from the first."""
        announced = [each for each in message.announced if self._told.is_news(each)]
        changes = [each for each in message.changes if not self._told.has_change(each)]
        if not announced and not changes:
            return
        await self._unread.try_recount()
        self._shown.distrust()
        for each in announced:
            self._told.announce(each.notification_id.bytes)
            self._announce(each)
        for change in changes:
            self._tell_change(change)

    async def _attach(self, message: messages.Attach) -> None:
        attached = self._attached.add(message.connection, self._told.next_sequence)
        try:
            if not self._told.has_begun:
                await self._register()
            await self._unread.fresh()
        except StoreUnavailable:
            self._attached.remove(message.connection)
            raise
        attached.greet(
            frames.authentication_success(self._user_id, self._unread.count, message.ref)
        )
        self._release_later(attached, CATCH_UP_WITHIN_S)

    async def _register(self) -> None:
        """Have what others announce come here, and then see what is there already."""
        await self._bus.register(self._user_id)
        await self._unread.begin(self._bus)
        self._told.begin(
            self._unread.recent_ids, self._unread.recent_since, self._unread.certain_before
        )

    def _release_later(self, attached: Attachment, wait_s: float) -> None:
        """Have what is held sent, after whatever sync is under way then."""
        self._loop.call_later(wait_s, self._end_holding, messages.Release(attached, attached.syncs))

    def _end_holding(self, message: messages.Release) -> None:
        if message.attachment not in self._attached:
            return
        with contextlib.suppress(ActorDeadError, MailboxFull):
            self.actor_ref.tell(message)

    def on_quiet(self) -> None:
        """Leave when nobody is connected any more and no message waits."""
        if not self._attached:
            self._on_idle()
            self.stop()

    async def _mark_read(self, message: messages.MarkRead) -> messages.Marked:
        ids = message.notification_ids
        at = self._clock.store_now()
        marked = await self._write(self._notifications.mark_read(self._user_id, ids, at=at))
        await self._unread.take_off(marked)
        change = OneRead(ids[0]) if len(ids) == 1 else SeveralRead(marked)
        self._tell_all(change, marked, message)
        return messages.Marked(marked, self._unread.count)

    async def _click(self, message: messages.Click) -> messages.Marked:
        at = self._clock.store_now()
        clicked, action = message.notification_id, message.action
        click = self._notifications.click(self._user_id, clicked, action=action, at=at)
        marked = await self._write(click)
        await self._unread.take_off(marked)
        self._tell_all(OneRead(clicked), marked, message)
        return messages.Marked(marked, self._unread.count)

    async def _mark_all_read(self, message: messages.MarkAllRead) -> messages.Marked:
        at = self._clock.store_now()
        marked = await self._write(self._notifications.mark_all_read(self._user_id, at=at))
        await self._unread.try_recount()
        self._tell_all(SeveralRead(marked), marked, message)
        return messages.Marked(marked, self._unread.count)

    async def _write(self, writing: Awaitable[Written]) -> Written:
        """Await a write; one that ended in doubt leaves all that is known to be read anew."""
        try:
            return await writing
        except StoreUnavailable:
            self._unread.distrust()
            self._shown.distrust()
            self._told.outdate()
            raise

    def _tell_all(
        self,
        change: InboxChange,
        marked: int,
        message: messages.MarkRead | messages.MarkAllRead | messages.Click,
    ) -> None:
        """Tell the asker, with its ref, and when anything changed all others, wherever they are."""
        attached = self._attached.find(message.asker)
        if attached is not None:
            attached.send(change.frame(self._unread.count, message.ref))
        if marked:
            self._tell_change(change, but=message.asker)
            self._bus.send(Changed(self._user_id, change))

    def _tell_change(self, change: InboxChange, *, but: Connection | None = None) -> None:
        """Tell the connections that are here, and remember it in case it is told again."""
        self._told.change(change)
        self._attached.send(change.frame(self._unread.count), but=but)

    async def _delete(self, notification_id: UUID) -> bool:
        at = self._clock.store_now()
        deletion = self._notifications.delete(self._user_id, notification_id, at=at)
        is_deleted = await self._write(deletion)
        if is_deleted:
            await self._unread.try_recount()
            # Not one less: it may have been deleted before its announcement came here.
            self._shown.distrust()
            change = OneDeleted(notification_id)
            self._tell_change(change)
            self._bus.send(Changed(self._user_id, change))
        return is_deleted

    async def _sync(self, message: messages.Sync) -> None:
        attached = self._attached.find(message.connection)
        if attached is None:
            return
        missed = await find_missed(
            self._notifications,
            self._clock,
            self._user_id,
            since=message.since,
            limit=message.limit,
            already_sent=self._told.sent_on(attached),
        )
        names = await self._names.of(missed.rows)
        if any(is_on_its_way(row, self._unread, self._told) for row in missed.rows):
            await self._unread.recount()
        else:
            await self._unread.fresh()
        frame = answer_to_sync(missed, names, self._unread.count, message.ref)
        attached.catch_up(frame, missed.known, has_more=missed.has_more)
        if missed.has_more:
            self._release_later(attached, NEXT_PAGE_WITHIN_S)
