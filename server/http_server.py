"""Build the HTTP server of a process; the tests build theirs here, too."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from typing import Any
from weakref import WeakSet

import tornado.httpserver
from tornado.httpserver import _HTTPRequestContext
from tornado.ioloop import PeriodicCallback
from tornado.iostream import IOStream

from config.tls import TlsFiles
from server.accepting import Acceptor
from server.application import Application
from server.client_stream import as_client_stream
from server.http_connection import HttpConnection

LARGEST_BODY_BYTES = 1 << 40
"""Handlers have limits of their own and read bodies as they come, so this is for none to meet."""

READ_AT_ONCE_BYTES = 16 * 1024
"""More than most requests and frames are; each reading fills so much with zeros before: 64 KiB, as
Tornado has it, take 2 to 5 us."""

LOOKS_EVERY_S = 1_800.0
"""Who has been waited for at two looks in a row is gone, or will connect again."""


class HttpServer(tornado.httpserver.HTTPServer):
    """Tornado's server, which answers for what is no HTTP, too.

    Idle connections are looked for now and then, all at once. Tornado's own limit is a timer, two
    futures and their callbacks for each request: 5 to 7 % of the processor time of a short one.
    """

    def initialize(  # type: ignore[override]
        self, *args: Any, looks_every_s: float, **kwargs: Any
    ) -> None:
        """Take what Tornado's takes, and how often to look."""
        super().initialize(*args, **kwargs)
        self.conn_params.header_timeout = None
        self.read_chunk_size = READ_AT_ONCE_BYTES
        self._waited_for: WeakSet[Any] = WeakSet()
        self._looks = PeriodicCallback(self.close_idle, looks_every_s * 1_000)

    def add_sockets(self, sockets: Iterable[socket.socket]) -> None:
        """Listen; connections are accepted a few at a time, where Tornado takes 128 in a turn."""
        for listening in sockets:
            self._sockets[listening.fileno()] = listening
            self._handlers[listening.fileno()] = Acceptor(listening, self._handle_connection).stop
        if not self._looks.is_running():
            self._looks.start()

    def stop(self) -> None:
        """Accept no more connections, and look after those that there are no more."""
        self._looks.stop()
        super().stop()

    def close_idle(self) -> None:
        """Close the connections that have waited for the same bytes since the last look."""
        before, self._waited_for = self._waited_for, WeakSet()
        for connection in tuple(self._connections):
            read = connection.stream._read_future  # noqa: SLF001 (no other way)
            if read is None:
                continue
            if read in before:
                connection.stream.close()
            else:
                self._waited_for.add(read)

    def handle_stream(self, stream: IOStream, address: tuple[Any, ...]) -> None:
        """Serve a new connection."""
        as_client_stream(stream)
        context = _HTTPRequestContext(stream, address, self.protocol, self.trusted_downstream)
        connection = HttpConnection(stream, self.conn_params, context)
        self._connections.add(connection)
        connection.start_serving(self)


def http_server(
    application: Application, tls: TlsFiles | None, *, looks_every_s: float = LOOKS_EVERY_S
) -> HttpServer:
    """Return a server of `application` that listens nowhere yet; with `tls` it speaks HTTPS."""
    return HttpServer(
        application,
        looks_every_s=looks_every_s,
        max_body_size=LARGEST_BODY_BYTES,
        ssl_options=None if tls is None else tls.server_context(),
    )
