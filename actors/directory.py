"""Find the actor of a connected user; there is none for anybody else.

Not an actor: a dict that everything on the loop shares, so that a fan-out of 10,000 costs 10,000
look-ups and no message for who is not here.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import count
from typing import NamedTuple, Protocol
from uuid import UUID

import structlog
from pykka import ActorDeadError

from actors import messages
from actors.connection import CloseCode, Connection
from actors.frames import Announcement, Ref
from actors.loop_ref import LoopActorRef
from actors.mailbox import MailboxFull
from actors.user import UserActor
from storage.notifications import NotificationRow

ATTACH_DEADLINE_S = 10.0

CONNECTIONS_PER_USER = 10

UserRef = LoopActorRef[UserActor]
log = structlog.get_logger(__name__)


class StartUser(Protocol):
    """Starts users' actors."""

    def __call__(
        self, user_id: UUID, *, on_idle: Callable[[], None], on_broken: Callable[[], None]
    ) -> UserRef:
        """Start that of `user_id`, which calls one of them when it is idle, or broke."""


class DirectoryListener(Protocol):
    """Is told who comes and goes; what it does with that must not take long, nor raise."""

    def opened(self, user_id: UUID, serial: int) -> None:
        """Take note that a connection of `user_id` is here, by the number that it has here."""

    def closed(self, user_id: UUID, serial: int) -> None:
        """Take note that it is gone."""

    def forget(self, user_id: UUID) -> None:
        """Take note that no connection of `user_id` is here any more."""


class _Deaf:
    """Listens where there is nobody to tell."""

    def opened(self, user_id: UUID, serial: int) -> None:
        pass

    def closed(self, user_id: UUID, serial: int) -> None:
        pass

    def forget(self, user_id: UUID) -> None:
        pass


class Opened(NamedTuple):
    """A connection's number in this process, and when it was opened by the monotonic clock."""

    serial: int
    at_s: float


class _Entry:
    """A user's actor and the connections that are, or are about to be, with it."""

    __slots__ = ("connections", "ref")

    ref: UserRef

    def __init__(self) -> None:
        self.connections: dict[Connection, Opened] = {}
        """The oldest first."""


class Directory:
    """Who is connected to this process."""

    def __init__(
        self,
        start_user: StartUser,
        listener: DirectoryListener | None = None,
        *,
        connections_per_user: int = CONNECTIONS_PER_USER,
    ) -> None:
        self._start_user = start_user
        self._listener = listener or _Deaf()
        self._connections_per_user = connections_per_user
        self._entries: dict[UUID, _Entry] = {}
        self._serials = count(1)

    def __len__(self) -> int:
        return len(self._entries)

    async def attach(self, user_id: UUID, connection: Connection, ref: Ref = None) -> None:
        """Give `connection` to the user's actor; it is greeted before anything else is sent.

        When the user has too many then, the oldest goes. Raises what the actor raises:
        StoreUnavailable, MailboxFull, DeadlineExceeded.
        """
        entry = self._entries.get(user_id) or self._start(user_id)
        opened = entry.connections[connection] = Opened(next(self._serials), time.monotonic())
        await entry.ref.request(messages.Attach(connection, ref), deadline_s=ATTACH_DEADLINE_S)
        # Not before: one that does not get in takes nobody's place.
        while len(entry.connections) > self._connections_per_user:
            self._evict(user_id, next(iter(entry.connections)))
        if connection in entry.connections:
            self._listener.opened(user_id, opened.serial)

    def evict(self, user_id: UUID, serial: int) -> None:
        """Close a connection of a user who has opened too many, here and elsewhere together."""
        entry = self._entries.get(user_id)
        for connection, opened in entry.connections.items() if entry is not None else ():
            if opened.serial == serial:
                self._evict(user_id, connection)
                return

    def detach(self, user_id: UUID, connection: Connection) -> None:
        """Tell the user's actor that `connection` is gone."""
        entry = self._entries.get(user_id)
        if entry is None or connection not in entry.connections:
            return
        self._listener.closed(user_id, entry.connections.pop(connection).serial)
        try:
            entry.ref.tell(messages.Detach(connection))
        except MailboxFull:
            self._drop(user_id, entry, CloseCode.SLOW_READER)

    def find(self, user_id: UUID) -> UserRef | None:
        """Return the actor of `user_id`, or None when no connection of theirs is here."""
        entry = self._entries.get(user_id)
        return entry.ref if entry is not None else None

    def waiting(self) -> int:
        """Return how many messages wait for users' actors in all."""
        return sum(entry.ref.waiting for entry in self._entries.values())

    def deliver(self, rows: Iterable[NotificationRow], announcement: Announcement) -> None:
        """Announce stored `rows`, all of one content, to those of their recipients who are here."""
        for row in rows:
            entry = self._entries.get(row.recipient_id)
            if entry is None or row.is_deleted or not row.in_app:
                continue
            message = messages.Deliver(row.id, row.created_at, not row.is_read, announcement)
            self._tell(row.recipient_id, entry, message)

    def show(self, user_id: UUID, frame: bytes) -> None:
        """Send `frame` to the connections of `user_id` that are here."""
        self.tell(user_id, messages.Show(frame))

    def tell(self, user_id: UUID, message: object) -> None:
        """Tell the actor of `user_id`, if it is here."""
        entry = self._entries.get(user_id)
        if entry is not None:
            self._tell(user_id, entry, message)

    def user_ids(self) -> list[UUID]:
        """Return who is here."""
        return list(self._entries)

    def connections(self) -> Iterator[tuple[UUID, Opened]]:
        """Yield all connections that are here, each with whose it is."""
        for user_id, entry in self._entries.items():
            for opened in entry.connections.values():
                yield user_id, opened

    async def close_all(self, code: CloseCode, *, deadline_s: float) -> None:
        """Close every connection, because this process goes away; wait for the actors to end."""
        entries = list(self._entries.items())
        for user_id, entry in entries:
            self._drop(user_id, entry, code)
        endings = (entry.ref.stop_and_wait(deadline_s=deadline_s) for _, entry in entries)
        ended = await asyncio.gather(*endings, return_exceptions=True)
        late = sum(isinstance(each, BaseException) for each in ended)
        if late:
            log.warning("users_did_not_end", count=late)

    def _start(self, user_id: UUID) -> _Entry:
        """Start the user's actor; what it calls concerns its own entry and no later one."""
        entry = _Entry()
        entry.ref = self._start_user(
            user_id,
            on_idle=partial(self._forget, user_id, entry),
            on_broken=partial(self._drop, user_id, entry, CloseCode.INTERNAL_ERROR),
        )
        self._entries[user_id] = entry
        return entry

    def _tell(self, user_id: UUID, entry: _Entry, message: object) -> None:
        try:
            entry.ref.tell(message)
        except MailboxFull:
            log.warning("user_mailbox_full", user_id=str(user_id))
            self._drop(user_id, entry, CloseCode.SLOW_READER)
        except ActorDeadError:
            self._drop(user_id, entry, CloseCode.INTERNAL_ERROR)

    def _forget(self, user_id: UUID, entry: _Entry) -> None:
        if self._entries.get(user_id) is entry:
            del self._entries[user_id]
            self._listener.forget(user_id)

    def _evict(self, user_id: UUID, connection: Connection) -> None:
        self.detach(user_id, connection)
        connection.close(CloseCode.TOO_MANY_CONNECTIONS)

    def _drop(self, user_id: UUID, entry: _Entry, code: CloseCode) -> None:
        """Forget the actor and close its connections: their clients come back to a new one."""
        self._forget(user_id, entry)
        if entry.ref.is_alive():
            entry.ref.stop(block=False)
        for connection, opened in entry.connections.items():
            connection.close(code)
            self._listener.closed(user_id, opened.serial)
        entry.connections.clear()
