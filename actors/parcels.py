"""What crosses from one server process to another for its users, and its form on the bus.

    announced   {head, created_at, after, to}    stored notifications of one content
    read        {user, id}
    bulk_read   {user, count}
    deleted     {user, id}
    shown       {user, frame}                    a frame that no row stands behind

Ids are their 16 bytes, numbers are written out; a recipient is a user, a notification and a byte
that is 1 while it is unread. `after` is what Redis's clock showed before they were stored, in
microseconds; it is absent where that is not known.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

from actors.frames import Announcement
from actors.inbox_change import InboxChange, OneDeleted, OneRead, SeveralRead
from actors.notices import Notice, number, read_notice
from actors.shared_time import SharedTime
from storage.bus_streams import Fields
from storage.notifications import NotificationRow
from storage.positions import from_ms, to_ms

RECIPIENT_BYTES = 33


class UnknownParcel(Exception):
    """A parcel that this version of the service cannot read."""

    def __init__(self, kind: str) -> None:
        super().__init__(f"cannot read a parcel of kind {kind}")
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Addressee:
    """Who is told, of which row."""

    user_id: UUID
    notification_id: UUID
    is_unread: bool


@dataclass(frozen=True, slots=True)
class Announced:
    """Stored notifications, all of one content and position."""

    announcement: Announcement
    created_at: datetime
    stored_after_us: int | None
    """By Redis's clock (actors/shared_time.py)."""

    addressees: tuple[Addressee, ...]

    @classmethod
    def of(
        cls,
        rows: Sequence[NotificationRow],
        announcement: Announcement,
        shared_time: SharedTime,
    ) -> Announced:
        """Return what there is to tell of `rows`."""
        addressees = tuple(
            Addressee(row.recipient_id, row.id, not row.is_read)
            for row in rows
            if row.in_app and not row.is_deleted
        )
        after_s = announcement.stored_after_s
        after_us = None if after_s is None else shared_time.shared_us(after_s)
        return cls(announcement, rows[0].created_at, after_us, addressees)

    @property
    def user_ids(self) -> Iterable[UUID]:
        """Whom it concerns."""
        return (each.user_id for each in self.addressees)

    def part_for(self, user_ids: Collection[UUID]) -> Announced:
        """Return the part that concerns `user_ids`."""
        part = tuple(each for each in self.addressees if each.user_id in user_ids)
        return replace(self, addressees=part)

    def fields(self) -> Fields:
        """Return its form on the bus."""
        packed = b"".join(
            each.user_id.bytes + each.notification_id.bytes + bytes([each.is_unread])
            for each in self.addressees
        )
        fields: Fields = {
            b"kind": b"announced",
            b"head": self.announcement.head,
            b"created_at": number(to_ms(self.created_at)),
            b"to": packed,
        }
        if self.stored_after_us is not None:
            fields[b"after"] = number(self.stored_after_us)
        return fields


@dataclass(frozen=True, slots=True)
class Changed:
    """An inbox was changed."""

    user_id: UUID
    change: InboxChange

    @property
    def user_ids(self) -> Iterable[UUID]:
        """Whom it concerns."""
        return (self.user_id,)

    def part_for(self, user_ids: Collection[UUID]) -> Changed:
        """Return the whole: it concerns one."""
        return self

    def fields(self) -> Fields:
        """Return its form on the bus."""
        fields: Fields = {b"user": self.user_id.bytes}
        if isinstance(self.change, SeveralRead):
            return fields | {b"kind": b"bulk_read", b"count": number(self.change.marked_count)}
        kind = b"read" if isinstance(self.change, OneRead) else b"deleted"
        return fields | {b"kind": kind, b"id": self.change.notification_id.bytes}


@dataclass(frozen=True, slots=True)
class Shown:
    """A frame that no row stands behind."""

    user_id: UUID
    frame: bytes

    @property
    def user_ids(self) -> Iterable[UUID]:
        """Whom it concerns."""
        return (self.user_id,)

    def part_for(self, user_ids: Collection[UUID]) -> Shown:
        """Return the whole: it concerns one."""
        return self

    def fields(self) -> Fields:
        """Return its form on the bus."""
        return {b"kind": b"shown", b"user": self.user_id.bytes, b"frame": self.frame}


Parcel: TypeAlias = Announced | Changed | Shown
"""What is sent to wherever the users are that it concerns."""


def read_fields(fields: Fields) -> Parcel | Notice:
    """Return the parcel that `fields` are; raises UnknownParcel."""
    kind = fields.get(b"kind", b"").decode(errors="replace")
    try:
        return _read(kind, fields)
    except (KeyError, ValueError, OverflowError, struct.error):
        raise UnknownParcel(kind) from None


def _read(kind: str, fields: Fields) -> Parcel | Notice:
    match kind:
        case "announced":
            after = fields.get(b"after")
            return Announced(
                Announcement.encoded(fields[b"head"]),
                from_ms(int(fields[b"created_at"])),
                None if after is None else int(after),
                tuple(_addressees(fields[b"to"])),
            )
        case "read":
            return Changed(UUID(bytes=fields[b"user"]), OneRead(UUID(bytes=fields[b"id"])))
        case "deleted":
            return Changed(UUID(bytes=fields[b"user"]), OneDeleted(UUID(bytes=fields[b"id"])))
        case "bulk_read":
            return Changed(UUID(bytes=fields[b"user"]), SeveralRead(int(fields[b"count"])))
        case "shown":
            return Shown(UUID(bytes=fields[b"user"]), fields[b"frame"])
        case _:
            return read_notice(kind, fields)


def _addressees(packed: bytes) -> Iterable[Addressee]:
    for start in range(0, len(packed), RECIPIENT_BYTES):
        yield Addressee(
            UUID(bytes=packed[start : start + 16]),
            UUID(bytes=packed[start + 16 : start + 32]),
            packed[start + 32 : start + RECIPIENT_BYTES] == b"\x01",
        )
