"""What user actors receive: imperatives, each finished before the next begins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from actors.attachment import Attachment
from actors.connection import Connection
from actors.frames import Announcement, Ref
from actors.inbox_change import InboxChange


class TooLate(Exception):
    """A message was not begun in time, and nothing was done."""

    def __init__(self, message_type: str) -> None:
        super().__init__(f"it is too late for {message_type}")
        self.message_type = message_type


class Listed(Protocol):
    """A row of an inbox as far as counts compare it."""

    @property
    def id_bytes(self) -> bytes:
        """The id of the notification, as its bytes."""

    @property
    def created_at(self) -> datetime:
        """Its position."""


@dataclass(frozen=True, slots=True)
class InTime:
    """Handle a message, unless it is too late. Asked; raises `TooLate`.

    Who asks it from another process has it done by the store then.
    """

    message: Any
    until_s: float
    """By the monotonic clock."""


@dataclass(frozen=True, slots=True)
class Attach:
    """Take a connection: what arrives from now on reaches it. Asked; replies nothing."""

    connection: Connection
    ref: Ref = None


@dataclass(frozen=True, slots=True)
class Detach:
    """Let a connection go."""

    connection: Connection


@dataclass(slots=True)
class Deliver:
    """Announce a stored notification. Not frozen: a fan-out makes thousands of them."""

    notification_id: UUID
    created_at: datetime
    is_unread: bool
    announcement: Announcement
    read_at: datetime | None = None
    """Of a row that was found in the store."""


@dataclass(frozen=True, slots=True)
class Show:
    """Send a frame to every connection."""

    frame: bytes


@dataclass(frozen=True, slots=True)
class Reflect:
    """Tell every connection of a change that was made on another process."""

    change: InboxChange
    arrived_at_s: float
    """By the monotonic clock: a recount begun since then has it."""


@dataclass(frozen=True, slots=True)
class CatchUp:
    """Tell every connection what it was not told, of what the store has."""

    announced: tuple[Deliver, ...]
    changes: tuple[InboxChange, ...]


@dataclass(frozen=True, slots=True)
class MarkRead:
    """Mark these read and tell every connection. Asked; replies `Marked`."""

    notification_ids: tuple[UUID, ...]
    asker: Connection | None = None
    ref: Ref = None


@dataclass(frozen=True, slots=True)
class MarkAllRead:
    """Mark everything read and tell every connection. Asked; replies `Marked`."""

    asker: Connection | None = None
    ref: Ref = None


@dataclass(frozen=True, slots=True)
class Click:
    """Keep that this was clicked and mark it read. Asked; replies `Marked`, raises `NotInInbox`."""

    notification_id: UUID
    action: str | None = None
    asker: Connection | None = None
    ref: Ref = None


@dataclass(frozen=True, slots=True)
class Delete:
    """Delete one and tell every connection. Asked; replies whether there was one."""

    notification_id: UUID


@dataclass(frozen=True, slots=True)
class Sync:
    """Send a connection what it missed. Asked; replies nothing, raises `UnknownNotification`."""

    connection: Connection
    since: UUID | None
    limit: int
    ref: Ref = None


@dataclass(frozen=True, slots=True)
class CountUnread:
    """Asked; replies the unread count as the connections know it."""


@dataclass(frozen=True, slots=True)
class CountInbox:
    """Count what is unread and, where wanted, all that is shown. Asked; replies `InboxCounts`."""

    listed: Sequence[Listed]
    """Rows of the inbox, newest first, that have just been read: the counts have these."""

    is_shown_wanted: bool


@dataclass(frozen=True, slots=True)
class TellState:
    """Asked; replies the `InboxState`, or None while there may be changes that nobody told."""


class InboxState(NamedTuple):
    """While it is the same, nothing has been told that changes what the inbox lists."""

    version: int
    """A number that no other actor gives, of whatever process."""

    caught_up: int
    """With others: whatever was missed while the bus was away has been looked for by the next."""

    unread_count: int


@dataclass(frozen=True, slots=True)
class InboxCounts:
    """How many rows are unread, and how many are shown, where that was wanted."""

    unread: int
    shown: int | None


@dataclass(frozen=True, slots=True)
class Release:
    """Send a connection what is held for it, unless it has synced since."""

    attachment: Attachment
    syncs: int


@dataclass(frozen=True, slots=True)
class Marked:
    """How many turned from unread to read, and how many are unread now."""

    marked_count: int
    unread_count: int
