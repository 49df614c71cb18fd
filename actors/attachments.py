"""The connections of one user that are here, as the user's actor knows them."""

from __future__ import annotations

from uuid import UUID

from actors.attachment import Attachment
from actors.connection import Connection


class Attachments:
    """All of them, in the order in which they came."""

    __slots__ = ("_attached",)

    def __init__(self) -> None:
        self._attached: list[Attachment] = []

    def __len__(self) -> int:
        return len(self._attached)

    def __contains__(self, attached: Attachment) -> bool:
        return attached in self._attached

    def add(self, connection: Connection, first_sequence: int) -> Attachment:
        """Take one more, which is there from announcement `first_sequence` on."""
        attached = Attachment(connection, first_sequence)
        self._attached.append(attached)
        return attached

    def remove(self, connection: Connection) -> None:
        """Let one go, if it is there."""
        self._attached = [kept for kept in self._attached if kept.connection is not connection]

    def find(self, connection: Connection | None) -> Attachment | None:
        """Return what there is to know of a connection; None when it has gone."""
        return next((kept for kept in self._attached if kept.connection is connection), None)

    def announce(self, notification_id: UUID, frame: bytes) -> None:
        """Send an announcement on each, when its turn has come."""
        for attached in self._attached:
            attached.announce(notification_id, frame)

    def show(self, frame: bytes) -> None:
        """Send a frame that has no place among the announcements on each."""
        for attached in self._attached:
            attached.show(frame)

    def send(self, frame: bytes, *, but: Connection | None = None) -> None:
        """Send any other frame on each but one."""
        for attached in self._attached:
            if attached.connection is not but:
                attached.send(frame)
