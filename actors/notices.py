"""What one server process tells another for itself, and its form on the bus.

    evicted     {user, serial}                   the oldest of too many connections of a user
    joined      {}                               another process is on the bus from now on
    lost        {since}                          somebody could not tell what was stored since
    came        {from, serial, users}            users of this process have come to another too
    heard       {serial}                         another process knows now who came to this one
    asked       {from, questions}                for actors of users here (actors/questions.py)
    answered    {answers}                        to questions of this process

Ids are their 16 bytes, numbers are written out, and `from` is a process.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

from actors.questions import Answer, Question, read_answers, read_questions
from storage.bus_streams import Fields
from storage.positions import from_ms, to_ms

ID_BYTES = 16


@dataclass(frozen=True, slots=True)
class Evicted:
    """A connection of the process that this is sent to has to make room for a later one."""

    user_id: UUID
    serial: int

    def fields(self) -> Fields:
        """Return its form on the bus."""
        return {b"kind": b"evicted", b"user": self.user_id.bytes, b"serial": number(self.serial)}


@dataclass(frozen=True, slots=True)
class Joined:
    """Another process is on the bus and waits to be seen."""

    def fields(self) -> Fields:
        """Return its form on the bus."""
        return {b"kind": b"joined"}


@dataclass(frozen=True, slots=True)
class Lost:
    """Of what another process has stored since, it could not tell everybody."""

    since: datetime

    def fields(self) -> Fields:
        """Return its form on the bus."""
        return {b"kind": b"lost", b"since": number(to_ms(self.since))}


@dataclass(frozen=True, slots=True)
class Came:
    """Users of the process that this is sent to have come to another as well."""

    process: str
    """To which, which waits until this is heard."""

    serial: int
    user_ids: tuple[UUID, ...]

    def fields(self) -> Fields:
        """Return its form on the bus."""
        return {
            b"kind": b"came",
            b"from": self.process.encode(),
            b"serial": number(self.serial),
            b"users": b"".join(each.bytes for each in self.user_ids),
        }


@dataclass(frozen=True, slots=True)
class Heard:
    """What was told by `Came` is known now where it was told."""

    serial: int

    def fields(self) -> Fields:
        """Return its form on the bus."""
        return {b"kind": b"heard", b"serial": number(self.serial)}


@dataclass(frozen=True, slots=True)
class Questions:
    """What the actors of users at the process that this is sent to are asked."""

    process: str
    """Which asks."""

    questions: tuple[Question, ...]

    def fields(self) -> Fields:
        """Return its form on the bus."""
        return {
            b"kind": b"asked",
            b"from": self.process.encode(),
            b"questions": b"".join(each.packed() for each in self.questions),
        }


@dataclass(frozen=True, slots=True)
class Answers:
    """What became of questions of the process that this is sent to."""

    answers: tuple[Answer, ...]

    def fields(self) -> Fields:
        """Return its form on the bus."""
        return {
            b"kind": b"answered",
            b"answers": b"".join(each.packed() for each in self.answers),
        }


Notice: TypeAlias = Evicted | Joined | Lost | Came | Heard | Questions | Answers


def read_notice(kind: str, fields: Fields) -> Notice:
    """Return the notice of a kind that `fields` are.

    Raises KeyError, ValueError, OverflowError or struct.error for one that cannot be read.
    """
    match kind:
        case "evicted":
            return Evicted(UUID(bytes=fields[b"user"]), int(fields[b"serial"]))
        case "joined":
            return Joined()
        case "lost":
            return Lost(from_ms(int(fields[b"since"])))
        case "came":
            packed = fields[b"users"]
            user_ids = tuple(
                UUID(bytes=packed[start : start + ID_BYTES])
                for start in range(0, len(packed), ID_BYTES)
            )
            return Came(fields[b"from"].decode(), int(fields[b"serial"]), user_ids)
        case "heard":
            return Heard(int(fields[b"serial"]))
        case "asked":
            asked = tuple(read_questions(fields[b"questions"]))
            return Questions(fields[b"from"].decode(), asked)
        case "answered":
            return Answers(tuple(read_answers(fields[b"answers"])))
        case _:
            raise ValueError(kind)


def number(value: int) -> bytes:
    """Return a number as it is written on the bus."""
    return str(value).encode()
