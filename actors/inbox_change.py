"""What happened to an inbox, as its user's connections are told of it, here and elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias
from uuid import UUID

from actors import frames
from actors.frames import Ref


@dataclass(frozen=True, slots=True)
class OneRead:
    """One notification was read."""

    notification_id: UUID

    def frame(self, unread_count: int, ref: Ref = None) -> bytes:
        """Return the frame that says so."""
        return frames.notification_read(self.notification_id, unread_count, ref)


@dataclass(frozen=True, slots=True)
class SeveralRead:
    """Several notifications were read at once."""

    marked_count: int

    def frame(self, unread_count: int, ref: Ref = None) -> bytes:
        """Return the frame that says so."""
        return frames.bulk_read(self.marked_count, unread_count, ref)


@dataclass(frozen=True, slots=True)
class OneDeleted:
    """One notification was deleted."""

    notification_id: UUID

    def frame(self, unread_count: int, ref: Ref = None) -> bytes:
        """Return the frame that says so."""
        return frames.notification_deleted(self.notification_id, unread_count, ref)


InboxChange: TypeAlias = OneRead | SeveralRead | OneDeleted
