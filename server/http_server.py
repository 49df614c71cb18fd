"""Build the HTTP server of a process; the tests build theirs here, too."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from typing import Any

import tornado.httpserver
from tornado.iostream import IOStream

from config.tls import TlsFiles
from server.accepting import Acceptor
from server.application import Application
from server.malformed import let_answer

LARGEST_BODY_BYTES = 1 << 40
"""Handlers have limits of their own and read bodies as they come, so this is for none to meet."""


class HttpServer(tornado.httpserver.HTTPServer):
    """Tornado's server, which answers for what is no HTTP, too."""

    def add_sockets(self, sockets: Iterable[socket.socket]) -> None:
        """Listen; connections are accepted a few at a time, where Tornado takes 128 in a turn."""
        for listening in sockets:
            self._sockets[listening.fileno()] = listening
            self._handlers[listening.fileno()] = Acceptor(listening, self._handle_connection).stop

    def handle_stream(self, stream: IOStream, address: tuple[Any, ...]) -> None:
        """Serve a new connection."""
        let_answer(stream)
        super().handle_stream(stream, address)


def http_server(application: Application, tls: TlsFiles | None) -> HttpServer:
    """Return a server of `application` that listens nowhere yet; with `tls` it speaks HTTPS."""
    return HttpServer(
        application,
        max_body_size=LARGEST_BODY_BYTES,
        ssl_options=None if tls is None else tls.server_context(),
    )
