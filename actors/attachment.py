"""One connection of a user, as the user's actor knows it."""

from __future__ import annotations

from uuid import UUID

from actors.connection import Connection

CATCH_UP_WITHIN_S = 1.0
"""How long announcements wait for a new connection's `sync`."""

NEXT_PAGE_WITHIN_S = 10.0
"""How long they wait for the next page of a sync that has more."""

MOST_HELD = 256
"""Announcements that wait at most: as many as the actor remembers."""


class Attachment:
    """A connection, the announcements it was there for, and what its syncs made known.

    A client comes back with the last id it saw. If it were sent an announcement before the answer
    to its `sync`, or between two pages of it, and were cut off then, that id would be beyond what
    it had missed. So what is announced is held until the connection has caught up, or has not
    asked to for a while.
    """

    __slots__ = ("_held", "_is_paging", "connection", "first_sequence", "known", "syncs")

    def __init__(self, connection: Connection, first_sequence: int) -> None:
        self.connection = connection
        self.first_sequence = first_sequence
        self.known: frozenset[UUID] = frozenset()
        self.syncs = 0
        """Answers to syncs so far; tells the end of one wait from that of another."""
        self._held: list[tuple[UUID, bytes]] | None = []
        self._is_paging = False

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
        """Send any other frame, after what is held: unread counts have to come in order.

        Between two pages that would be too early; then the last page's count is the latest.
        """
        if not self._is_paging:
            self.release()
        self.connection.send(frame)

    def show(self, frame: bytes) -> None:
        """Send a frame that has no place among the announcements, whatever is held."""
        self.connection.send(frame)

    def catch_up(self, frame: bytes, known: frozenset[UUID], *, has_more: bool) -> None:
        """Send a page of a sync and, after the last one, what is held and was in none of them."""
        self.connection.send(frame)
        self.syncs += 1
        self.known = self.known | known if self._is_paging else known
        self._is_paging = has_more
        if not has_more:
            self.release()
        elif self._held is None:
            self._held = []

    def end_holding(self, syncs: int) -> None:
        """End the wait that began after so many answers to syncs, if it is not over."""
        if self.syncs == syncs:
            self.release()

    def release(self) -> None:
        """Hold nothing from now on."""
        held, self._held = self._held, None
        self._is_paging = False
        for notification_id, frame in held or ():
            self._tell(notification_id, frame)

    def _tell(self, notification_id: UUID, frame: bytes) -> None:
        if notification_id not in self.known:
            self.connection.send(frame)
