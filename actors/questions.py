"""What one process asks the actor of a user at another, and is answered, as bytes on the bus.

    question   serial 4, kind 1, length of the rest 4, user 16, until 8 (ms), and the rest
    answer     serial 4, outcome 1, two numbers of 4, and a version of 8

The rest is of CountInbox a byte that is 1 where all that is shown is wanted, and for each row its
id and its position (ms, 8); of MarkRead the ids; of Click the id and the action; of Delete the id.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from enum import IntEnum
from typing import NamedTuple, TypeAlias
from uuid import UUID

from actors.count_ages import RECENT, RECOUNT_AFTER
from actors.messages import (
    Click,
    CountInbox,
    CountUnread,
    Delete,
    InboxCounts,
    InboxState,
    Listed,
    MarkAllRead,
    Marked,
    MarkRead,
    TellState,
)
from storage.positions import from_ms, to_ms

ROWS_SINCE = RECOUNT_AFTER + RECENT + timedelta(seconds=30)
"""What was positioned longer ago any count has that is not to be read anew all the same."""

NOT_WANTED = -1
"""Instead of a number that there is not."""

_QUESTION = struct.Struct(">IBI16sq")
_ROW = struct.Struct(">16sq")
_ANSWER = struct.Struct(">IBiiQ")
_ID_BYTES = 16

Inquiry: TypeAlias = CountUnread | CountInbox | TellState | MarkRead | MarkAllRead | Click | Delete
"""What a user's actor is asked for somebody who is not connected to it."""

Reply: TypeAlias = int | InboxCounts | InboxState | Marked | bool | None


class Kind(IntEnum):
    """Which message the user's actor gets."""

    UNREAD = 1
    INBOX = 2
    READ = 3
    ALL_READ = 4
    CLICK = 5
    DELETE = 6
    STATE = 7


class Outcome(IntEnum):
    """What became of a question."""

    DONE = 1
    """The numbers say the rest."""

    MISSING = 2
    """The inbox does not show what it was about."""

    UNDONE = 3
    """Nothing was done: the user is not here, or it came too late or was not understood."""

    IN_DOUBT = 4
    """It may have been done, or not."""

    UNREAD = 5
    """Nothing was done: what was told before has not been read in time, or was lost."""


class NotUnderstood(Exception):
    """A question that this version of the service does not know."""

    def __init__(self, kind: int) -> None:
        super().__init__(f"cannot understand a question of kind {kind}")
        self.kind = kind


class ListedElsewhere(NamedTuple):
    """A row that another process has just read from the store."""

    id_bytes: bytes
    position_ms: int

    @property
    def created_at(self) -> datetime:
        """Its position."""
        return from_ms(self.position_ms)


class Question(NamedTuple):
    """What is asked, by a number that its answer repeats."""

    serial: int
    user_id: UUID
    until_ms: int
    """By the store's clock: what has not been begun then is not to be."""

    kind: int
    body: bytes

    @classmethod
    def of(
        cls, serial: int, user_id: UUID, message: Inquiry, *, now: datetime, until: datetime
    ) -> Question:
        """Return the question that has the user's actor handle `message`."""
        return cls(serial, user_id, to_ms(until), *_packed(message, now))

    def packed(self) -> bytes:
        """Return its form on the bus."""
        head = _QUESTION.pack(
            self.serial, self.kind, len(self.body), self.user_id.bytes, self.until_ms
        )
        return head + self.body

    def message(self) -> Inquiry:
        """Return what the user's actor is to handle; raises NotUnderstood."""
        try:
            return self._message()
        except (ValueError, struct.error):
            raise NotUnderstood(self.kind) from None

    def _message(self) -> Inquiry:
        body = self.body
        match Kind(self.kind):
            case Kind.UNREAD:
                return CountUnread()
            case Kind.INBOX:
                listed = [ListedElsewhere(*row) for row in _ROW.iter_unpack(body[1:])]
                return CountInbox(listed, is_shown_wanted=body[:1] == b"\x01")
            case Kind.READ:
                return MarkRead(tuple(UUID(bytes=each) for each in _ids(body)))
            case Kind.ALL_READ:
                return MarkAllRead()
            case Kind.CLICK:
                clicked, action = body[:_ID_BYTES], body[_ID_BYTES:]
                return Click(UUID(bytes=clicked), action.decode() or None)
            case Kind.STATE:
                return TellState()
            case _:
                return Delete(UUID(bytes=body))


class Answer(NamedTuple):
    """What became of the question with the same serial."""

    serial: int
    outcome: int
    first: int = NOT_WANTED
    second: int = NOT_WANTED
    version: int = 0

    @classmethod
    def of(cls, serial: int, reply: Reply) -> Answer:
        """Return the answer that says what the user's actor has replied."""
        match reply:
            case None:
                return cls(serial, Outcome.DONE)
            case InboxState():
                numbers = (reply.unread_count, reply.caught_up)
                return cls(serial, Outcome.DONE, *numbers, reply.version)
            case Marked():
                numbers = (reply.marked_count, reply.unread_count)
            case InboxCounts():
                numbers = (reply.unread, NOT_WANTED if reply.shown is None else reply.shown)
            case _:
                numbers = (int(reply), NOT_WANTED)
        return cls(serial, Outcome.DONE, *numbers)

    def packed(self) -> bytes:
        """Return its form on the bus."""
        return _ANSWER.pack(*self)

    def reply_to(self, message: Inquiry) -> Reply:
        """Return what the user's actor has replied to `message`."""
        match message:
            case CountUnread():
                return self.first
            case CountInbox():
                return InboxCounts(self.first, None if self.second == NOT_WANTED else self.second)
            case TellState() if self.first == NOT_WANTED:
                return None
            case TellState():
                return InboxState(self.version, self.second, self.first)
            case Delete():
                return bool(self.first)
        return Marked(self.first, self.second)


def read_questions(packed: bytes) -> Iterable[Question]:
    """Yield what `packed` has of questions; raises struct.error where it is cut off."""
    at = 0
    while at < len(packed):
        serial, kind, length, user, until_ms = _QUESTION.unpack_from(packed, at)
        at += _QUESTION.size
        yield Question(serial, UUID(bytes=user), until_ms, kind, packed[at : at + length])
        at += length


def read_answers(packed: bytes) -> Iterable[Answer]:
    """Yield what `packed` has of answers; raises struct.error where it is cut off."""
    return (Answer(*each) for each in _ANSWER.iter_unpack(packed))


def _packed(message: Inquiry, now: datetime) -> tuple[Kind, bytes]:
    match message:
        case CountUnread():
            return Kind.UNREAD, b""
        case TellState():
            return Kind.STATE, b""
        case CountInbox():
            return Kind.INBOX, bytes([message.is_shown_wanted]) + _rows(message.listed, now)
        case MarkRead():
            return Kind.READ, b"".join(each.bytes for each in message.notification_ids)
        case MarkAllRead():
            return Kind.ALL_READ, b""
        case Click():
            return Kind.CLICK, message.notification_id.bytes + (message.action or "").encode()
        case _:
            return Kind.DELETE, message.notification_id.bytes


def _rows(listed: Sequence[Listed], now: datetime) -> bytes:
    """Return those of the rows, newest first, that a count may lack."""
    since = now - ROWS_SINCE
    packed = []
    for row in listed:
        created_at = row.created_at
        if created_at < since:
            break
        packed.append(_ROW.pack(row.id_bytes, to_ms(created_at)))
    return b"".join(packed)


def _ids(body: bytes) -> Iterable[bytes]:
    return (body[at : at + _ID_BYTES] for at in range(0, len(body), _ID_BYTES))
