"""Answer what is no HTTP with the envelope, as every other failure (contract section 2.8).

Tornado answers it with a bare status line, from within the reading of the connection, where no
handler is and no hook. What it writes then is known to the byte and is exchanged on its way out.

Here is, too, that what is written is sent at once: Tornado switches that on and off again for each
answer, two system calls for nothing where each is written as a whole.
"""

from __future__ import annotations

from uuid import uuid4

from tornado.iostream import IOStream, SSLIOStream

from actors.frames import to_json
from server.edge import SECURITY_HEADERS
from server.errors import ErrorAnswer

_BARE = b"HTTP/1.1 400 Bad Request\r\n\r\n"
"""Tornado's, of `HTTP1Connection`; the pin of tornado is raised together with the test of this."""


class AnsweringStream(IOStream):
    """A connection without TLS."""

    def set_nodelay(self, value: bool) -> None:
        """Leave it as `let_answer` has set it."""

    def write(self, data: bytes | memoryview) -> object:  # type: ignore[override]
        """Write `data`, or the envelope where Tornado would say nothing."""
        return super().write(_refusal() if data == _BARE else data)


class AnsweringTlsStream(SSLIOStream):
    """A connection with TLS."""

    def set_nodelay(self, value: bool) -> None:
        """Leave it as `let_answer` has set it."""

    def write(self, data: bytes | memoryview) -> object:  # type: ignore[override]
        """Write `data`, or the envelope where Tornado would say nothing."""
        return super().write(_refusal() if data == _BARE else data)


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
