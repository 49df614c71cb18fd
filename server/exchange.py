"""A request and its answer on a connection of HTTP/1.1: Tornado's, with less done for each.

Tornado looks at each line of a head by itself, several times, and counts the bytes of an answer
that it has whole. What is not usual is left to it: other versions, bodies in chunks, answers
without a length.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tornado.http1connection import HTTP1Connection

from server.client_stream import ClientStream
from server.http_headers import Headers

if TYPE_CHECKING:
    from tornado.httputil import HTTPHeaders, RequestStartLine, ResponseStartLine

VERSION = "HTTP/1.1"


class Exchange(HTTP1Connection):
    """The server's side of it."""

    _is_whole: bool = False
    """Whether the answer was written whole, so that the next thing to come is a request."""

    def write_headers(
        self,
        start_line: RequestStartLine | ResponseStartLine,
        headers: HTTPHeaders,
        chunk: bytes | None = None,
    ) -> asyncio.Future[None]:
        """Write an answer's head, and what is given of its body, at once."""
        if not self._is_usual(headers, chunk):
            return super().write_headers(start_line, headers, chunk)
        assert isinstance(headers, Headers)
        _, code, reason = start_line
        try:
            head = f"{VERSION} {code} {reason}\r\n{headers.lines()}\r\n".encode("latin-1")
        except ValueError:
            # Or the client would take the next answer for this one.
            self.stream.close()
            raise
        self._is_whole = True
        self._expected_content_remaining = 0
        written = self.stream.write(head + (chunk or b""))
        self._pending_write = written
        return written

    def finish(self) -> None:
        """End the answer, and begin to wait for the next request in the same turn."""
        super().finish()
        # What waits to be sent would be lost with a stream whose reading has ended.
        is_sent = self._is_whole and not self.stream.writing()
        if is_sent and self._read_finished and not self.stream.closed():
            assert isinstance(self.stream, ClientStream)
            self.stream.read_ahead(self.params.max_header_size)

    def _is_usual(self, headers: HTTPHeaders, chunk: bytes | None) -> bool:
        """Tell whether an answer is given whole, on a connection that goes on."""
        request = self._request_start_line
        assert request is not None
        return (
            isinstance(headers, Headers)
            and request.version == VERSION
            and request.method != "HEAD"
            and not self._disconnect_on_finish
            and headers.get("Content-Length") == str(len(chunk or b""))
            and not self.stream.closed()
        )

    def _parse_headers(self, data: bytes) -> tuple[str, HTTPHeaders]:
        start_line, _, head = data.decode("latin-1").lstrip("\r\n").partition("\r\n")
        is_plain = "\r" not in start_line and "\n" not in start_line
        headers = Headers.of_head(head) if is_plain else None
        return super()._parse_headers(data) if headers is None else (start_line, headers)
