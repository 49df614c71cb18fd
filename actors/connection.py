"""What an actor sees of a WebSocket."""

from __future__ import annotations

from enum import IntEnum
from typing import Protocol


class CloseCode(IntEnum):
    """Why the server ends a connection (contract section 4), and whether to come back."""

    INTERNAL_ERROR = 1011
    """Something failed here: come back with `sync`."""
    SERVER_RESTARTING = 1012
    """Come back after the delay that the reason names."""
    UNAUTHORIZED = 4401
    """The token is bad or has expired: come back with a fresh one."""
    PERMISSION_DENIED = 4403
    """This inbox is not yours: do not come back."""
    AUTHENTICATION_TIMEOUT = 4408
    """No token came in time: come back and authenticate at once."""
    SLOW_READER = 4503
    """You did not read fast enough: come back with `sync`."""


class Connection(Protocol):
    """One WebSocket of one user. Neither method waits or raises, whatever the peer does."""

    def send(self, frame: bytes) -> None:
        """Write one text frame of UTF-8 JSON."""

    def close(self, code: CloseCode) -> None:
        """End the connection."""
