"""The actor of one connected user: all that its connections see goes through its mailbox.

Because one message is finished before the next begins, the order in the mailbox is the order on
every socket, and attaching is simple: a connection is taken first and the unread count is read
then, while whatever is announced meanwhile waits in the mailbox (attach before you read).
"""

from __future__ import annotations

import contextlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any
from uuid import UUID

from pykka import ActorDeadError

from actors import frames, messages
from actors.attachment import CATCH_UP_WITHIN_S, Attachment
from actors.connection import Connection
from actors.loop_actor import LoopActor
from actors.mailbox import MailboxFull
from actors.sync import find_missed
from storage.client import StoreUnavailable
from storage.names import NameResolver
from storage.notifications import NotificationsRepository
from storage.positions import PositionClock

ANNOUNCED = 256
"""Ids kept to drop repeats: a resumed batch announces again what was announced before a kill."""

RECENT = timedelta(seconds=30)
"""Rows positioned within this are known by id to a recount: longer than an announcement takes."""

RECOUNT_AFTER = timedelta(minutes=5)
"""A count older than this is read anew the next time its user does something."""


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
        names: NameResolver,
        clock: PositionClock,
        on_idle: Callable[[], None],
        on_broken: Callable[[], None],
    ) -> None:
        super().__init__()
        self._user_id = user_id
        self._notifications = notifications
        self._names = names
        self._clock = clock
        self._on_idle = on_idle
        self._on_broken = on_broken
        self._attached: list[Attachment] = []
        self._announced: OrderedDict[UUID, int] = OrderedDict()
        self._sequence = 0
        self._unread = 0
        self._counted_at: datetime | None = None
        self._counted_ids: frozenset[UUID] = frozenset()

    def on_receive(self, message: Any) -> Any:
        """Handle one message; what has to wait for the store returns a coroutine."""
        match message:
            case messages.Deliver():
                return self._deliver(message)
            case messages.Attach():
                return self._attach(message)
            case messages.Detach():
                return self._detach(message.connection)
            case messages.MarkRead():
                return self._mark_read(message)
            case messages.MarkAllRead():
                return self._mark_all_read(message)
            case messages.Delete():
                return self._delete(message.notification_id)
            case messages.Sync():
                return self._sync(message)
            case messages.CountUnread():
                return self._count_unread()
            case messages.Release():
                return message.attachment.release()
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
        if message.notification_id in self._announced:
            return None
        self._remember(message.notification_id)
        counted_at = self._counted_at
        if counted_at is None or message.created_at < counted_at - RECENT:
            return self._recount_and_announce(message)
        if message.is_unread and message.notification_id not in self._counted_ids:
            self._unread += 1
        self._announce(message)
        return None

    async def _recount_and_announce(self, message: messages.Deliver) -> None:
        """Announce a row of which it cannot be known whether the count has it."""
        try:
            await self._recount()
        except StoreUnavailable:
            self._counted_at = None
            self._unread += message.is_unread
        self._announce(message)

    def _announce(self, message: messages.Deliver) -> None:
        frame = message.announcement.frame(message.notification_id, self._unread)
        for attached in self._attached:
            attached.announce(message.notification_id, frame)
        if not self._attached:
            self._leave_if_idle()

    def _remember(self, notification_id: UUID) -> None:
        self._sequence += 1
        self._announced[notification_id] = self._sequence
        if len(self._announced) > ANNOUNCED:
            self._announced.popitem(last=False)

    async def _attach(self, message: messages.Attach) -> None:
        attached = Attachment(message.connection, self._sequence + 1)
        self._attached.append(attached)
        try:
            await self._recount_if_old()
        except StoreUnavailable:
            self._attached.remove(attached)
            self._leave_if_idle()
            raise
        attached.greet(frames.authentication_success(self._user_id, self._unread, message.ref))
        self._loop.call_later(CATCH_UP_WITHIN_S, self._end_holding, attached)

    def _end_holding(self, attached: Attachment) -> None:
        """Have what is held sent, after whatever sync is under way."""
        with contextlib.suppress(ActorDeadError, MailboxFull):
            self.actor_ref.tell(messages.Release(attached))

    def _detach(self, connection: Connection) -> None:
        self._attached = [kept for kept in self._attached if kept.connection is not connection]
        self._leave_if_idle()

    def _leave_if_idle(self) -> None:
        if not self._attached and self.actor_inbox.empty():
            self._on_idle()
            self.stop()

    async def _mark_read(self, message: messages.MarkRead) -> messages.Marked:
        marked = await self._notifications.mark_read(
            self._user_id, message.notification_ids, at=self._clock.store_now()
        )
        unread = await self._less_unread(marked)
        if len(message.notification_ids) == 1:
            (only,) = message.notification_ids
            self._tell_all(lambda ref: frames.notification_read(only, unread, ref), marked, message)
        else:
            self._tell_all(lambda ref: frames.bulk_read(marked, unread, ref), marked, message)
        return messages.Marked(marked, unread)

    async def _mark_all_read(self, message: messages.MarkAllRead) -> messages.Marked:
        marked = await self._notifications.mark_all_read(self._user_id, at=self._clock.store_now())
        await self._recount()
        unread = self._unread
        self._tell_all(lambda ref: frames.bulk_read(marked, unread, ref), marked, message)
        return messages.Marked(marked, unread)

    def _tell_all(
        self,
        frame: Callable[[frames.Ref], bytes],
        marked: int,
        message: messages.MarkRead | messages.MarkAllRead,
    ) -> None:
        """Send `frame` to the asker with its ref and, when anything changed, to all others."""
        shared = frame(None)
        for attached in self._attached:
            if attached.connection is message.asker:
                attached.send(frame(message.ref))
            elif marked:
                attached.send(shared)

    async def _delete(self, notification_id: UUID) -> bool:
        is_deleted = await self._notifications.delete(
            self._user_id, notification_id, at=self._clock.store_now()
        )
        if is_deleted:
            await self._recount()
            frame = frames.notification_deleted(notification_id, self._unread)
            for attached in self._attached:
                attached.send(frame)
        return is_deleted

    async def _sync(self, message: messages.Sync) -> None:
        attached = next(
            (kept for kept in self._attached if kept.connection is message.connection), None
        )
        if attached is None:
            return
        missed = await find_missed(
            self._notifications,
            self._clock,
            self._user_id,
            since=message.since,
            limit=message.limit,
            already_sent=self._sent_on(attached),
        )
        names = await self._names.resolve(
            users=(row.sender_id for row in missed.rows),
            businesses=(row.business_id for row in missed.rows),
        )
        await self._recount_if_old()
        attached.catch_up(
            frames.synced(
                notifications=[frames.synced_notification(row, names) for row in missed.rows],
                changed=[
                    {"id": change.id, "is_read": change.is_read, "is_deleted": change.is_deleted}
                    for change in missed.changed
                ],
                has_more=missed.has_more,
                unread_count=self._unread,
                ref=message.ref,
            ),
            missed.known,
        )

    def _sent_on(self, attached: Attachment) -> frozenset[UUID]:
        """Return the ids that are known to have been sent on a connection."""
        announced = frozenset(
            announced_id
            for announced_id, sequence in self._announced.items()
            if sequence >= attached.first_sequence
        )
        return attached.known | (announced - attached.held_ids)

    async def _count_unread(self) -> int:
        await self._recount_if_old()
        return self._unread

    async def _less_unread(self, marked: int) -> int:
        """Take what this actor itself marked off the count, or read the count anew.

        More marked than counted means that one was marked before its announcement came here.
        """
        if self._is_old() or marked > self._unread:
            await self._recount()
        else:
            self._unread -= marked
        return self._unread

    async def _recount_if_old(self) -> None:
        if self._is_old():
            await self._recount()

    def _is_old(self) -> bool:
        return (
            self._counted_at is None or self._clock.store_now() - self._counted_at > RECOUNT_AFTER
        )

    async def _recount(self) -> None:
        """Read the count, and by id which of the rows still being announced it has."""
        self._counted_at = None
        now = self._clock.store_now()
        snapshot = await self._notifications.unread_snapshot(
            self._user_id, recent_since=now - RECENT
        )
        self._unread = snapshot.count
        self._counted_ids = snapshot.recent_ids
        self._counted_at = now
