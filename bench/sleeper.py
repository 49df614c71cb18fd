"""A client that has stopped reading, with every buffer between it and the server full."""

from __future__ import annotations

import json
import socket
import time
from pathlib import Path
from types import TracebackType
from typing import Self

ESTABLISHED = "01"
RECEIVE_BUFFER_BYTES = 4 * 1024
ANSWERED_LONG = json.dumps({"type": "mark_read", "notification_ids": ["x"] * 50}).encode()
"""A bad message: its answer names fifty fields, in some 6 KB, and costs the store nothing."""

MOST_MESSAGES = 400
LOOK_AFTER_S = 0.02
STUCK_LOOKS = 5
"""Looks at which nothing more went to the kernel, though an answer was due at each: some 30 KB wait
in the server, of the 256 KiB that may."""

WITHIN_S = 10.0


class NotStuck(Exception):
    """The server could write all, whatever it was asked."""


class Sleeper:
    """One connection; it reads until it is let in, and never again."""

    def __init__(self, host: str, port: int, token: str) -> None:
        self._port = port
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        self._socket.settimeout(WITHIN_S)
        self._socket.connect((host, port))
        self._socket.sendall(
            b"GET /ws/notifications/ HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            b"Authorization: Bearer " + token.encode() + b"\r\n\r\n"
        )
        received = b""
        while b"authentication_success" not in received:
            part = self._socket.recv(4_096)
            if not part:
                raise NotStuck(f"the server would not let it in: {received[:80]!r}")
            received += part

    def __enter__(self) -> Self:
        """Have it closed in the end."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        """Close it."""
        self._socket.close()

    def fall_asleep(self) -> float:
        """Make the server write until nothing more goes out; return when (CLOCK_MONOTONIC)."""
        length = len(ANSWERED_LONG)
        head = bytes([0x81, 0x80 | 126]) + length.to_bytes(2, "big") + bytes(4)
        written, since_looks = -1, 0
        for _ in range(MOST_MESSAGES):
            self._socket.sendall(head + ANSWERED_LONG)
            time.sleep(LOOK_AFTER_S)
            now = self._unsent_bytes()
            if now is None:
                raise NotStuck("the server has closed the connection")
            since_looks = since_looks + 1 if now == written and now > 0 else 0
            written = now
            if since_looks == STUCK_LOOKS:
                return time.monotonic()
        raise NotStuck(f"{MOST_MESSAGES} answers went out")

    def is_gone(self) -> bool:
        """Tell whether the server has ended the connection, without reading from it."""
        return self._unsent_bytes() is None

    def _unsent_bytes(self) -> int | None:
        """Return what the kernel holds of the server's, None when the connection has ended."""
        own_port = self._socket.getsockname()[1]
        for line in Path("/proc/net/tcp").read_text("ascii").splitlines()[1:]:
            local, remote, state, queues = line.split()[1:5]
            ports = (int(local.rpartition(":")[2], 16), int(remote.rpartition(":")[2], 16))
            if ports == (self._port, own_port) and state == ESTABLISHED:
                return int(queues.partition(":")[0], 16)
        return None
