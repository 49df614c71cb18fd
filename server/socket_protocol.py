"""The WebSocket protocol as Tornado speaks it, with what it lacks; the only user of its privates.

Tornado ends a message over its limit by cutting the connection, which destroys the close frame
that was to say why. Here such a message is dropped as it arrives, in pieces, and the connection is
closed as any other: the client has five seconds to answer, and memory is bounded all the while.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import sys
from typing import TYPE_CHECKING, Any

from tornado.iostream import StreamClosedError
from tornado.websocket import WebSocketProtocol13, _WebSocketParams

from actors.connection import CloseCode
from server.client_stream import ClientStream

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tornado.websocket import WebSocketHandler

MESSAGE_LIMIT_BYTES = 16 * 1024

KERNEL_BUFFER_BYTES = 128 * 1024
"""The kernel's share of what is unsent; without it megabytes go to a reader who reads nothing."""

DROPPED_AT_ONCE_BYTES = 64 * 1024

VERSION = "13"
"""Of the protocol (RFC 6455 §4.1)."""

TEXT = 0x1
"""Opcode (RFC 6455 §5.2)."""

PING_FRAME = b"\x89\x00"

_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER: what is unsent is forgotten at once, by the kernel too."""


class SocketProtocol(WebSocketProtocol13):
    """One connection's frames, in and out."""

    _end: Callable[[CloseCode], None]
    """The handler's: it has more to do than to write a close frame."""

    @classmethod
    def of(cls, handler: WebSocketHandler) -> SocketProtocol | None:
        """Return the protocol for a handshake, None when it asks for another version."""
        if handler.request.headers.get("Sec-WebSocket-Version") != VERSION:
            return None
        # The limit is kept in `_read_bytes`, and pings are the hub's.
        protocol = cls(handler, False, _WebSocketParams(max_message_size=sys.maxsize))
        protocol._end = handler.close
        return protocol

    def configure(self) -> None:
        """Send small frames at once, and let the kernel keep little."""
        self.set_nodelay(True)
        self.stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_BUFFER_BYTES)

    @property
    def unsent_bytes(self) -> int:
        """What the kernel has not taken yet; a limit of Tornado's own would fail pings as well."""
        return 0 if self.stream.closed() else len(self.stream._write_buffer)  # noqa: SLF001

    @property
    def taken_bytes(self) -> int:
        """All that the kernel has ever taken: it grows when somebody reads."""
        return self.stream._total_write_done_index  # noqa: SLF001

    def write_text(self, payload: bytes) -> None:
        """Write one text frame, at once.

        Given to the kernel directly where nothing waits: `write_message` starts an asyncio task for
        each frame, and the stream makes a future for each write.
        """
        self._write(_text_frame(payload))

    def ping(self) -> None:
        """Write a ping without payload; any pong is an answer to it (RFC 6455 §5.5.3)."""
        self._write(PING_FRAME)

    def cut(self) -> None:
        """End the connection now, without a word, and free what is unsent."""
        if not self.stream.closed():
            self.stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._abort()

    def _write(self, frame: bytes) -> None:
        stream = self.stream
        if stream.closed():
            return
        assert isinstance(stream, ClientStream)
        taken = stream.give(frame)
        if taken < len(frame):
            with contextlib.suppress(StreamClosedError):
                stream.write(frame[taken:])

    async def _read_bytes(self, n: int) -> bytes:
        """Read a part of a frame; what would make its message too big is read and dropped."""
        message = self._fragmented_message_buffer
        if n + (0 if message is None else len(message)) <= MESSAGE_LIMIT_BYTES:
            stream = self.stream
            if stream._read_buffer_size < n:  # noqa: SLF001
                return await super()._read_bytes(n)
            # The rest of a frame mostly comes with its beginning, and a future is made for nothing.
            self._wire_bytes_in += n
            return stream._consume(n)  # noqa: SLF001
        self._end(CloseCode.MESSAGE_TOO_BIG)
        if message is not None:
            message.clear()
        while n > 0:
            dropped = await self.stream.read_bytes(min(n, DROPPED_AT_ONCE_BYTES), partial=True)
            n -= len(dropped)
            # What has arrived is read without waiting; others have their turn all the same.
            await asyncio.sleep(0)
        return b""

    def _handle_message(self, opcode: int, data: bytes) -> asyncio.Future[None] | None:
        """Say what is wrong with text that is none, where Tornado would cut the connection."""
        if opcode == TEXT and not _is_utf8(data):
            self._end(CloseCode.INVALID_TEXT)
            return None
        return super()._handle_message(opcode, data)

    def _run_callback(  # type: ignore[override]
        self, callback: Callable[..., Awaitable[None] | None], *args: Any, **kwargs: Any
    ) -> Awaitable[None] | None:
        """Have what has to wait awaited by the connection itself; Tornado makes tasks of it."""
        result = callback(*args, **kwargs)
        return None if result is None else self._finished(result)

    async def _finished(self, result: Awaitable[None]) -> None:
        try:
            await result
        except BaseException:
            self._abort()
            raise


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _text_frame(payload: bytes) -> bytes:
    """Return an unfragmented, unmasked text frame (RFC 6455 §5.2)."""
    length = len(payload)
    if length < 126:
        return struct.pack("!BB", 0x81, length) + payload
    if length < 65_536:
        return struct.pack("!BBH", 0x81, 126, length) + payload
    return struct.pack("!BBQ", 0x81, 127, length) + payload
