"""Answer what is no HTTP with the envelope, as every other failure (contract section 2.8).

Tornado answers it with a bare status line, from within the reading of the connection, where no
handler is and no hook. What it writes then is known to the byte and is exchanged on its way out.

Here is, too, that what is written is sent at once: Tornado switches that on and off again for each
answer, two system calls for nothing where each is written as a whole.
"""

from __future__ import annotations

import contextlib
from asyncio import Future
from collections.abc import Awaitable
from uuid import uuid4

from tornado.iostream import BaseIOStream, IOStream, SSLIOStream

from actors.frames import to_json
from server.edge import SECURITY_HEADERS
from server.errors import ErrorAnswer

_BARE = b"HTTP/1.1 400 Bad Request\r\n\r\n"
"""Tornado's, of `HTTP1Connection`; the pin of tornado is raised together with the test of this."""

END_OF_HEAD = rb"\r?\n\r?\n"
"""As `HTTP1Connection` reads up to it."""


class Answering(BaseIOStream):
    """What a connection of ours does otherwise, with TLS and without."""

    _ahead: Awaitable[bytes] | None = None
    """The reading of the next head, where it has begun before anybody waited for it."""

    def set_nodelay(self, value: bool) -> None:
        """Leave it as `let_answer` has set it."""

    def write(self, data: bytes | memoryview) -> Future[None]:
        """Write `data`, or the envelope where Tornado would say nothing."""
        return super().write(_refusal() if data == _BARE else data)

    def read_ahead(self, max_bytes: int) -> None:
        """Begin to read the next head, so that it is waited for when it comes.

        What comes to a stream that nobody reads has it leave the loop's poll, and enter it again:
        six system calls a request of a client that asks again at once.
        """
        # Whoever waits for it is told of a connection that has ended.
        with contextlib.suppress(OSError):
            self._ahead = super().read_until_regex(END_OF_HEAD, max_bytes)

    def read_until_regex(self, regex: bytes, max_bytes: int | None = None) -> Awaitable[bytes]:
        """Return what is read up to `regex`, which is the end of a head."""
        ahead, self._ahead = self._ahead, None
        return super().read_until_regex(regex, max_bytes) if ahead is None else ahead


class AnsweringStream(Answering, IOStream):
    """A connection without TLS."""


class AnsweringTlsStream(Answering, SSLIOStream):
    """A connection with TLS."""


def let_answer(stream: IOStream) -> None:
    """Have `stream`, which Tornado has just made, answer for what is no HTTP, and all at once."""
    stream.set_nodelay(True)
    # No wrapper, and no method of the instance's own: it would refer to itself, and ten thousand
    # connections would wait for the garbage collector.
    stream.__class__ = AnsweringTlsStream if isinstance(stream, SSLIOStream) else AnsweringStream


def _refusal() -> bytes:
    answer = ErrorAnswer(400, "VALIDATION_ERROR", "The request is not valid HTTP")
    body = to_json({"error": answer.body()})
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "Content-Length": str(len(body)),
        "Connection": "close",
        "Cache-Control": "no-store",
        "X-Request-ID": str(uuid4()),
        **SECURITY_HEADERS,
    }
    lines = ["HTTP/1.1 400 Bad Request", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode() + body
