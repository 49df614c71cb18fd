"""One connection of the WebSocket client, which reads the headers of frames and how they begin.

What a frame is, is told from its first bytes, which the server writes the same for every recipient.
"""

from __future__ import annotations

import asyncio
import json
from base64 import urlsafe_b64decode
from typing import Protocol

AUTHENTICATED = b'{"type":"authentication_success"'
ANNOUNCED = b'{"type":"notification.new"'
READ = b'{"type":"notification.read"'

TEXT, CLOSE, PING = 1, 8, 9
"""Opcodes (RFC 6455 §5.2)."""

TRY_AGAIN_LATER = (1013).to_bytes(2, "big")

CONNECT_WITHIN_S = 30.0


class SentAway(Exception):
    """The server has no room just now."""

    def __init__(self, after_s: float) -> None:
        super().__init__(f"to come back after {after_s} s")
        self.after_s = after_s


class Audience(Protocol):
    """Who takes down what comes."""

    def announced(self, number: int, payload: bytes) -> None:
        """Take down a `notification.new` of connection `number`."""

    def read(self) -> None:
        """Take down a `notification.read`."""

    def lost(self, socket: SwarmSocket) -> None:
        """Take down the end of a connection."""


class SwarmSocket(asyncio.Protocol):
    """One connection."""

    __slots__ = ("_buffer", "_is_open", "_number", "_ready", "_swarm", "_token", "_transport")

    def __init__(self, swarm: Audience, number: int, token: str) -> None:
        self._ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._swarm = swarm
        self._number = number
        self._token = token
        self._buffer = b""
        self._is_open = False
        self._transport: asyncio.Transport | None = None

    async def connect(self, host: str, port: int) -> None:
        """Connect and wait for the greeting; raises SentAway."""
        async with asyncio.timeout(CONNECT_WITHIN_S):
            await asyncio.get_running_loop().create_connection(lambda: self, host, port)
            await self._ready

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for a WebSocket at the address of the token's user."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(
            b"GET /ws/notifications/%b/ HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n" % _user_id(self._token)
        )

    def data_received(self, data: bytes) -> None:
        """Take what has come as the answer to the handshake, and then as frames."""
        if self._buffer:
            data = self._buffer + data
        if not self._is_open:
            head, found, data = data.partition(b"\r\n\r\n")
            if not found:
                self._buffer = head
                return
            self._opened(head)
        self._buffer = self._read_frames(data) if self._is_open else b""

    def connection_lost(self, exc: Exception | None) -> None:
        """Say so."""
        if not self._ready.done():
            self._ready.set_exception(ConnectionError(f"closed before authenticated: {exc!r}"))
        self._swarm.lost(self)

    def close(self) -> None:
        """Close without a word; the server sees the connection end."""
        assert self._transport is not None
        self._transport.close()

    def _opened(self, head: bytes) -> None:
        if head.startswith(b"HTTP/1.1 503"):
            _, _, after = head.partition(b"Retry-After: ")
            self._ready.set_exception(SentAway(int(after.partition(b"\r\n")[0])))
            self.close()
            return
        if not head.startswith(b"HTTP/1.1 101"):
            raise ConnectionError(head[:80].decode("latin-1"))
        self._is_open = True
        message = json.dumps({"type": "authenticate", "token": self._token}).encode()
        self._send(TEXT, message)

    def _read_frames(self, data: bytes) -> bytes:
        """Handle the whole frames of `data` and return the rest."""
        at = 0
        while len(data) - at >= 2:
            length = data[at + 1]
            begin = at + 2
            if length == 126:
                begin = at + 4
                length = int.from_bytes(data[at + 2 : begin], "big")
            elif length == 127:
                begin = at + 10
                length = int.from_bytes(data[at + 2 : begin], "big")
            end = begin + length
            if len(data) < end or len(data) < begin:
                break
            self._frame(data[at] & 0x0F, data[begin:end])
            at = end
        return data[at:]

    def _frame(self, opcode: int, payload: bytes) -> None:
        if opcode == TEXT:
            if payload.startswith(ANNOUNCED):
                self._swarm.announced(self._number, payload)
            elif payload.startswith(READ):
                self._swarm.read()
            elif payload.startswith(AUTHENTICATED) and not self._ready.done():
                self._ready.set_result(None)
        elif opcode == PING:
            self._send(PING + 1, payload)
        elif opcode == CLOSE and payload.startswith(TRY_AGAIN_LATER) and not self._ready.done():
            after_ms = json.loads(payload[2:])["reconnect_after_ms"]
            self._ready.set_exception(SentAway(after_ms / 1e3))
            self.close()

    def _send(self, opcode: int, payload: bytes) -> None:
        """Send a frame; a mask of zeros is a mask, and leaves the payload as it is."""
        assert self._transport is not None
        length = len(payload)
        extended = b"" if length < 126 else length.to_bytes(2, "big")
        head = bytes([0x80 | opcode, 0x80 | (126 if extended else length)])
        self._transport.write(head + extended + bytes(4) + payload)


def _user_id(token: str) -> bytes:
    """Return whose `token` it is, for the address: a balancer by user goes by it."""
    claims = token.split(".")[1]
    user_id: str = json.loads(urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["sub"]
    return user_id.encode()
