"""Answer what is no HTTP with the envelope, as every other failure (contract section 2.8).

Tornado answers it with a bare status line, from within the reading of the connection, where no
handler is and no hook. What it writes then is known to the byte and is exchanged on its way out
(server/client_stream.py).
"""

from __future__ import annotations

from uuid import uuid4

from actors.frames import to_json
from server.edge import SECURITY_HEADERS
from server.errors import ErrorAnswer

_BARE = b"HTTP/1.1 400 Bad Request\r\n\r\n"
"""Tornado's, of `HTTP1Connection`; the pin of tornado is raised together with the test of this."""


def said_in_full(data: bytes | memoryview) -> bytes | memoryview:
    """Return `data`, or the envelope where Tornado would say nothing."""
    return _refusal() if data == _BARE else data


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
