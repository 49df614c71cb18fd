"""What an actor sees of a WebSocket."""

from __future__ import annotations

from enum import IntEnum
from typing import Protocol, Self


class CloseCode(IntEnum):
    """Why the server ends a connection (contract section 4), and what its client does then.

    The table in `docs/websocket.md` has the same words.
    """

    when: str
    then: str

    INVALID_TEXT = (
        1007,
        "a text message is not UTF-8 (RFC 6455 §8.1)",
        "mend the client",
    )
    INTERNAL_ERROR = (
        1011,
        "something failed on the server",
        "come back, and `sync`",
    )
    SERVER_RESTARTING = (
        1012,
        "this server process ends",
        "come back after the delay that the reason names, and `sync`",
    )
    TRY_AGAIN_LATER = (
        1013,
        "too many are coming in at once, or what it takes to let one in is away",
        "come back after the delay that the reason names, and `sync`",
    )
    UNAUTHORIZED = (
        4401,
        "the token is bad, or has expired and no fresh `authenticate` came",
        "get a fresh token, come back, and `sync`",
    )
    PERMISSION_DENIED = (
        4403,
        "the token is of somebody else than the path or the connection, or of a service",
        "do not come back with this token",
    )
    AUTHENTICATION_TIMEOUT = (
        4408,
        "no `authenticate` came within 10 s",
        "come back, and authenticate at once",
    )
    TOO_MANY_CONNECTIONS = (
        4409,
        "the user has opened more than 10 connections, of which this was the oldest",
        "do not come back by itself: another window of the user has taken its place",
    )
    MESSAGE_TOO_BIG = (
        4413,
        "a message is over 16 KiB",
        "mend the client, then come back",
    )
    TOO_MANY_MESSAGES = (
        4429,
        "more than 60 messages came within a minute",
        "come back, and say less",
    )
    SLOW_READER = (
        4503,
        "the client does not read as fast as it is written to",
        "come back, and `sync`",
    )

    def __new__(cls, code: int, when: str, then: str) -> Self:
        """Make an integer that carries its words."""
        member = int.__new__(cls, code)
        member._value_ = code
        member.when = when
        member.then = then
        return member


class Connection(Protocol):
    """One WebSocket of one user. Neither method waits or raises, whatever the peer does."""

    def send(self, frame: bytes) -> None:
        """Write one text frame of UTF-8 JSON."""

    def close(self, code: CloseCode) -> None:
        """End the connection."""
