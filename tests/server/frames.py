"""Speak WebSocket frame by frame: what a client library would never send, or would hide."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urlsplit

WITHIN_S = 30.0
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
"""Opcodes (RFC 6455 §5.2)."""

RECEIVE_BUFFER_BYTES = 16 * 1024
"""So that a reader who does not read is noticed after little."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame of the server."""

    opcode: int
    payload: bytes

    @property
    def close_code(self) -> int:
        """The code of a close frame."""
        assert self.opcode == CLOSE, self
        return int(struct.unpack("!H", self.payload[:2])[0])

    @property
    def close_reason(self) -> str:
        """The reason of a close frame."""
        assert self.opcode == CLOSE, self
        return self.payload[2:].decode()

    @property
    def body(self) -> dict[str, Any]:
        """What a text frame says."""
        assert self.opcode == TEXT, self
        body: dict[str, Any] = json.loads(self.payload)
        return body


def framed(opcode: int, payload: bytes, *, is_final: bool = True, reserved: int = 0) -> bytes:
    """Return a frame as clients send it; its mask is all zeros, which is a mask."""
    head = bytes([(0x80 if is_final else 0) | reserved | opcode])
    length = len(payload)
    if length < 126:
        head += bytes([0x80 | length])
    elif length < 65_536:
        head += struct.pack("!BH", 0x80 | 126, length)
    else:
        head += struct.pack("!BQ", 0x80 | 127, length)
    return head + bytes(4) + payload


class FrameSocket:
    """One connection that answers nothing by itself, not even a ping."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def open(cls, base_url: str, token: str | None = None) -> Self:
        """Shake hands; with a `token`, be let in."""
        address = urlsplit(base_url)
        assert address.hostname is not None
        raw = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        raw.setblocking(False)
        try:
            target = (address.hostname, address.port)
            await asyncio.get_running_loop().sock_connect(raw, target)
        except OSError:
            raw.close()
            raise
        connection = cls(*await asyncio.open_connection(sock=raw))
        lines = [
            "GET /ws/notifications/ HTTP/1.1",
            "Host: 127.0.0.1",
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            "Sec-WebSocket-Version: 13",
            *([f"Authorization: Bearer {token}"] if token is not None else []),
            "",
            "",
        ]
        connection.writer.write("\r\n".join(lines).encode())
        async with asyncio.timeout(WITHIN_S):
            head = await connection.reader.readuntil(b"\r\n\r\n")
        assert b" 101 " in head, head
        if token is not None:
            assert (await connection.next()).body["type"] == "authentication_success"
        return connection

    def send(self, opcode: int, payload: bytes, **options: Any) -> None:
        """Send a frame."""
        self.writer.write(framed(opcode, payload, **options))

    def say(self, **message: Any) -> None:
        """Send a message as a text frame."""
        self.send(TEXT, json.dumps(message).encode())

    async def next(self) -> Frame:
        """Return the next frame but pings."""
        async with asyncio.timeout(WITHIN_S):
            while (frame := await self._read()).opcode == PING:
                pass
        return frame

    async def next_of_any_kind(self) -> Frame:
        """Return the next frame, pings included."""
        async with asyncio.timeout(WITHIN_S):
            return await self._read()

    async def _read(self) -> Frame:
        first, length = await self.reader.readexactly(2)
        if length == 126:
            (length,) = struct.unpack("!H", await self.reader.readexactly(2))
        elif length == 127:
            (length,) = struct.unpack("!Q", await self.reader.readexactly(8))
        return Frame(first & 0x0F, await self.reader.readexactly(length))

    async def ended(self) -> None:
        """Wait until the server has ended the connection, whatever it still says."""
        try:
            async with asyncio.timeout(WITHIN_S):
                while await self.reader.read(65_536):
                    pass
        except ConnectionError:
            return
        finally:
            self.drop()

    async def answer_close(self, frame: Frame) -> None:
        """Echo a close frame, as RFC 6455 §5.5.1 asks, and see the connection end."""
        assert frame.opcode == CLOSE
        self.send(CLOSE, frame.payload[:2])
        await self.ended()

    def stop_reading(self) -> None:
        """Leave what arrives to the system."""
        self.writer.transport.pause_reading()  # type: ignore[attr-defined]

    def read_on(self) -> None:
        """Read again."""
        self.writer.transport.resume_reading()  # type: ignore[attr-defined]

    def drop(self) -> None:
        """End the connection from this side, without a word."""
        self.writer.transport.abort()
