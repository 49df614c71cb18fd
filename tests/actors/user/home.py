"""One user's actor, with a connection and the store behind it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from actors import messages
from actors.frames import Announcement
from actors.loop_ref import LoopActorRef
from actors.user import UserActor
from storage.names import NameResolver, Names
from storage.notifications import NotificationRow
from storage.positions import PositionClock
from storage.stores import Stores
from tests.storage.samples import a_row
from tests.support.actors import RecordingBus, RecordingConnection, recounts_of

SOON_S = 30.0
NO_NAMES = Names({}, {})


class Clock(PositionClock):
    """A clock that tests can move."""

    ahead = timedelta()

    def store_now(self) -> datetime:
        return super().store_now() + self.ahead


class Home:
    """One user's actor, with a connection and the store behind it."""

    def __init__(self, stores: Stores) -> None:
        self.user_id = uuid4()
        self.stores = stores
        self.clock = Clock()
        self.bus = RecordingBus()
        self.idle = 0
        self.broken = 0
        self.refs: list[LoopActorRef[UserActor]] = []
        self.ref = self.start(stores.notifications)

    def start(self, notifications: Any, unread_counts: Any = None) -> LoopActorRef[UserActor]:
        ref = UserActor.start(
            self.user_id,
            notifications=notifications,
            recounts=recounts_of(notifications, unread_counts or self.stores.unread_counts),
            names=NameResolver(self.stores.users, self.stores.businesses),
            clock=self.clock,
            bus=self.bus,
            on_idle=self._count_idle,
            on_broken=self._count_broken,
        )
        self.refs.append(ref)
        return ref

    def _count_idle(self) -> None:
        self.idle += 1

    def _count_broken(self) -> None:
        self.broken += 1

    async def ask(self, message: object) -> Any:
        return await self.ref.request(message, deadline_s=SOON_S)

    async def attach(self) -> RecordingConnection:
        """Attach a connection that has caught up; of its frames only the greeting is kept."""
        connection = RecordingConnection()
        await self.ask(messages.Attach(connection))
        await self.ask(messages.MarkRead((uuid4(),), connection))
        del connection.frames[1:]
        return connection

    async def row(self, **changes: Any) -> NotificationRow:
        """Insert a row positioned now."""
        now = self.clock.store_now()
        row = a_row(self.user_id, **{"created_at": now, "floor": now, **changes})
        await self.stores.notifications.insert([row])
        return row

    def deliver(self, row: NotificationRow, *, stored_after_s: float | None = None) -> None:
        announcement = Announcement(row, NO_NAMES, stored_after_s=stored_after_s)
        self.ref.tell(messages.Deliver(row.id, row.created_at, not row.is_read, announcement))

    async def settled(self) -> None:
        """Wait until all messages told so far are handled."""
        await self.ask(messages.CountUnread())
