"""A client's connection as Tornado's stream, with less done for each answer and frame.

What is written is sent at once: Tornado switches that on and off again for each answer, two system
calls for nothing where each is written as a whole.
"""

from __future__ import annotations

import contextlib
import re
from asyncio import Future
from collections.abc import Awaitable

from tornado.ioloop import IOLoop
from tornado.iostream import BaseIOStream, IOStream, SSLIOStream

from server.malformed import said_in_full

END_OF_HEAD = re.compile(rb"\r?\n\r?\n")
"""As `HTTP1Connection` reads up to it."""


class ClientStream(BaseIOStream):
    """What is the same with TLS and without."""

    _ahead: Awaitable[bytes] | None = None
    """The reading of the next head, where it has begun before anybody waited for it."""

    def set_nodelay(self, value: bool) -> None:
        """Leave it as `as_client_stream` has set it."""

    def write(self, data: bytes | memoryview) -> Future[None]:
        """Write `data`, as much as goes at once; what is no HTTP is answered in full."""
        data = said_in_full(data)
        taken = self.give(data)
        # Nothing is written when all before it is.
        if not data or taken < len(data) or self.closed():
            return super().write(data[taken:])
        sent: Future[None] = Future()
        sent.set_result(None)
        return sent

    def give(self, data: bytes | memoryview) -> int:
        """Give the kernel what it takes of `data`, where nothing waits before it; return how much.

        What an error means is found out by who writes next.
        """
        if self.closed() or self._write_buffer:
            return 0
        try:
            taken = self.write_to_fd(memoryview(data))
        except OSError:
            return 0
        # As the stream counts what it writes itself.
        self._total_write_index += taken
        self._total_write_done_index += taken
        return taken

    def read_ahead(self, max_bytes: int) -> None:
        """Begin to read the next head, so that it is waited for when it comes.

        What comes to a stream that nobody reads has it leave the loop's poll, and enter it again:
        six system calls a request of a client that asks again at once.
        """
        # Whoever waits for it is told of a connection that has ended.
        with contextlib.suppress(OSError):
            self._ahead = super().read_until_regex(END_OF_HEAD, max_bytes)  # type: ignore[arg-type]

    def read_until_regex(self, regex: bytes, max_bytes: int | None = None) -> Awaitable[bytes]:
        """Return what is read up to `regex`, which is the end of a head."""
        ahead, self._ahead = self._ahead, None
        return super().read_until_regex(regex, max_bytes) if ahead is None else ahead


class PlainClientStream(ClientStream, IOStream):
    """A connection without TLS."""

    def read_ahead(self, max_bytes: int) -> None:
        """Begin to read, where nothing is here yet without looking for more: it is too soon."""
        if self._read_buffer_size:
            super().read_ahead(max_bytes)
            return
        self._ahead = self._start_read()
        self._read_regex = END_OF_HEAD
        self._read_max_bytes = max_bytes
        self._add_io_state(IOLoop.READ)


class TlsClientStream(ClientStream, SSLIOStream):
    """A connection with TLS."""


def as_client_stream(stream: IOStream) -> None:
    """Have `stream`, which Tornado has just made, be one of these."""
    stream.set_nodelay(True)
    # No wrapper, and no method of the instance's own: it would refer to itself, and ten thousand
    # connections would wait for the garbage collector.
    stream.__class__ = TlsClientStream if isinstance(stream, SSLIOStream) else PlainClientStream
