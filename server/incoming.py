"""Take a request as it comes and hand it to its handler: Tornado's way, with less done for each.

Tornado's request parses and copies what it was asked with, and reads its host, also where there is
no query and the host is that of the request before; and makes the handler's task by way of what
finds out how anything at all is to be awaited.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from tornado.httputil import (
    HTTPConnection,
    HTTPHeaders,
    HTTPMessageDelegate,
    HTTPServerRequest,
    RequestStartLine,
    ResponseStartLine,
)
from tornado.web import _HandlerDelegate

if TYPE_CHECKING:
    from server.application import Application

KNOWN_HOSTS = 256

LONGEST_HOST = 255
"""Of a name (RFC 1035 §2.3.4). What is longer is not remembered."""


class Request(HTTPServerRequest):
    """A request, whose body is still to come."""

    def __init__(
        self,
        start_line: RequestStartLine,
        headers: HTTPHeaders,
        connection: HTTPConnection,
        server_connection: object,
    ) -> None:
        host = headers.get("Host")
        if "?" in start_line.path or host is None or len(host) > LONGEST_HOST:
            super().__init__(
                start_line=start_line,
                headers=headers,
                connection=connection,
                server_connection=server_connection,
            )
            return
        context: Any = connection.context  # type: ignore[attr-defined]
        self.method, self.uri, self.version = start_line
        self.path, self.query = start_line.path, ""
        self.headers = headers
        self.host, self.host_name = host, _host_name(host)
        self.remote_ip, self.protocol = context.remote_ip, context.protocol
        self.body = b""
        self.files = {}
        self.arguments: dict[str, list[bytes]] = {}
        self.query_arguments: dict[str, list[bytes]] = {}
        self.body_arguments = {}
        self.connection = connection
        self.server_connection = server_connection
        self._start_time = time.time()
        self._finish_time = None


@lru_cache(KNOWN_HOSTS)
def _host_name(host: str) -> str:
    """Return the name in `host`, as Tornado reads it. Raises HTTPInputError."""
    asked = RequestStartLine("GET", "/", "HTTP/1.1")
    return HTTPServerRequest(start_line=asked, headers=HTTPHeaders({"Host": host})).host_name


class Incoming(HTTPMessageDelegate):
    """One request on its way to its handler."""

    def __init__(
        self, application: Application, server_connection: object, connection: HTTPConnection
    ) -> None:
        self._application = application
        self._server_connection = server_connection
        self._connection = connection
        self._handling: HTTPMessageDelegate | None = None

    def headers_received(
        self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders
    ) -> Awaitable[None] | None:
        """Find who handles it, and begin."""
        assert isinstance(start_line, RequestStartLine)
        request = Request(start_line, headers, self._connection, self._server_connection)
        self._handling = self._application.find_handler(request)
        return self._handling.headers_received(start_line, headers)

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        """Hand on a part of the body."""
        assert self._handling is not None
        return self._handling.data_received(chunk)

    def finish(self) -> None:
        """Say that the request has come whole."""
        assert self._handling is not None
        self._handling.finish()

    def on_connection_close(self) -> None:
        """Say that the client has gone."""
        if self._handling is not None:
            self._handling.on_connection_close()


class Handling(_HandlerDelegate):
    """A handler and its request."""

    def execute(self) -> Awaitable[None] | None:
        """Begin to handle it; return what is done when the body may come."""
        if not self.stream_request_body:
            return super().execute()
        loop = asyncio.get_running_loop()
        handler = self.handler = self.handler_class(
            self.application, self.request, **self.handler_kwargs
        )
        prepared: asyncio.Future[None] = loop.create_future()
        handler._prepared_future = prepared  # type: ignore[assignment] # noqa: SLF001
        handled = handler._execute([], *self.path_args, **self.path_kwargs)  # noqa: SLF001
        task = loop.create_task(handled)
        task.add_done_callback(_raise_if_failed)
        return prepared


def _raise_if_failed(task: asyncio.Task[None]) -> None:
    """Have the loop log what went wrong, as Tornado does."""
    if not task.cancelled():
        task.result()
