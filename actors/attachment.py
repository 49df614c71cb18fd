"""One connection of a user, as the user's actor knows it."""

from __future__ import annotations

from uuid import UUID

from actors.connection import Connection

CATCH_UP_WITHIN_S = 1.0
"""How long announcements wait for a new connection's `sync`."""

MOST_HELD = 256
"""Announcements that wait at most: as many as the actor remembers."""


class Attachment:
    """A connection, the announcements it was there for, and what its last sync made known.

    A client comes back with the last id it saw. If it were sent an announcement before the answer
    to its `sync` and were cut off in between, that id would be beyond what it had missed. So what
    is announced to a new connection is held until it has caught up, is sent something else, or a
    second has passed.
    """

    __slots__ = ("_held", "connection", "first_sequence", "known")

    def __init__(self, connection: Connection, first_sequence: int) -> None:
        self.connection = connection
        self.first_sequence = first_sequence
        self.known: frozenset[UUID] = frozenset()
        self._held: list[tuple[UUID, bytes]] | None = []

    @property
    def held_ids(self) -> frozenset[UUID]:
        """Return the ids of what is announced but not sent yet."""
        return frozenset(held_id for held_id, _ in self._held or ())

    def greet(self, frame: bytes) -> None:
        """Send the first frame."""
        self.connection.send(frame)

    def announce(self, notification_id: UUID, frame: bytes) -> None:
        """Send an announcement, when its turn has come, unless a sync told it already."""
        if self._held is None:
            self._tell(notification_id, frame)
            return
        self._held.append((notification_id, frame))
        if len(self._held) >= MOST_HELD:
            self.release()

    def send(self, frame: bytes) -> None:
        """Send any other frame, after what is held: unread counts have to come in order."""
        self.release()
        self.connection.send(frame)

    def catch_up(self, frame: bytes, known: frozenset[UUID]) -> None:
        """Send the answer to a sync, and then what is held and was not in it."""
        self.connection.send(frame)
        self.known = known
        self.release()

    def release(self) -> None:
        """Hold nothing from now on."""
        held, self._held = self._held, None
        for notification_id, frame in held or ():
            self._tell(notification_id, frame)

    def _tell(self, notification_id: UUID, frame: bytes) -> None:
        if notification_id not in self.known:
            self.connection.send(frame)
