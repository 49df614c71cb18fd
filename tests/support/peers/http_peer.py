"""An HTTP server on the test's own loop."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import tornado.httpserver
import tornado.web
from tornado.http1connection import HTTP1Connection
from tornado.testing import bind_unused_port

from config.tls import TlsFiles


@dataclass(slots=True)
class Reply:
    """What a peer answers."""

    status: int = 200
    body: dict[str, Any] | None = None
    headers: dict[str, str] = field(default_factory=dict)
    after_s: float = 0.0
    """How long it thinks about it."""

    until: asyncio.Event | None = None
    """It thinks for as long as this is not set."""

    is_cut: bool = False
    """The connection is broken off instead."""


class Replying(tornado.web.RequestHandler):
    """A handler that answers with a `Reply`."""

    async def reply(self, reply: Reply) -> None:
        """Answer, late or never if so told."""
        if reply.after_s:
            await asyncio.sleep(reply.after_s)
        if reply.until is not None:
            await reply.until.wait()
        if reply.is_cut:
            connection = self.request.connection
            assert isinstance(connection, HTTP1Connection)
            connection.stream.close()
            self._finished = True
            return
        self.set_status(reply.status)
        for name, value in reply.headers.items():
            self.set_header(name, value)
        self.finish(reply.body)


@contextlib.asynccontextmanager
async def serving(
    *routes: tuple[str, type[tornado.web.RequestHandler], dict[str, object]],
    tls: TlsFiles | None = None,
) -> AsyncIterator[str]:
    """Serve `routes` and give the base URL; with `tls` it is https, of `localhost`."""
    socket, port = bind_unused_port()
    application = tornado.web.Application(list(routes), log_function=lambda _: None)
    context = None
    if tls is not None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(tls.cert, tls.key)
    server = tornado.httpserver.HTTPServer(application, ssl_options=context)
    server.add_socket(socket)
    yield f"http://127.0.0.1:{port}" if tls is None else f"https://localhost:{port}"
    server.stop()
    await server.close_all_connections()
