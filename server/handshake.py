"""The HTTP side of a socket: what is a handshake, from where, and what the rest is told."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from http import HTTPStatus
from typing import Any, Final

import tornado.web
import tornado.websocket
from tornado.httputil import HTTPHeaders
from tornado.iostream import StreamClosedError

from actors.frames import to_json
from server.error_table import answer_to
from server.errors import MethodNotAllowed
from server.handlers.answering import AnsweringHandler
from server.service import Service


class NoHeaders(HTTPHeaders):
    """No headers, and none can be added."""

    def __setitem__(self, name: str, value: str) -> None:
        raise TypeError(f"a socket takes no header after its handshake: {name}")


NO_HEADERS: Final = NoHeaders()
"""Of all sockets after their handshake: to empty their own, one by one, was 1.4 % of a connect."""


@tornado.web.stream_request_body
class HandshakeHandler(AnsweringHandler, tornado.websocket.WebSocketHandler):
    """Answers what is no handshake, or not from an allowed origin, with the envelope."""

    leaves_body_unread = True
    """Until `prepare` has let the request in."""

    service: Service

    _address: str | None = None

    def initialize(self, service: Service) -> None:
        """Take the service that `server/app.py` passes with each route."""
        self.service = service

    @property
    def address(self) -> str:
        """Where the client is."""
        if self._address is None:
            self._address = self.service.addresses.of(self.request)
        return self._address

    def forget_handshake(self) -> None:
        """Let go of what nobody needs for as long as the connection lasts: 3 KB of each."""
        assert self._address is not None
        self.request.headers = self._headers = NO_HEADERS
        tornado.web.RequestHandler._break_cycles(self)  # noqa: SLF001 (the templates' namespace)

    def allowed_methods(self) -> Collection[str]:
        """Return what a handshake is made with (RFC 6455 §4.1)."""
        return ("GET", "OPTIONS")

    async def prepare(self) -> None:
        """Refuse what cannot be a handshake, or is one too many, before any body is read."""
        if self.request.method not in self.allowed_methods():
            raise MethodNotAllowed(self.allowed_methods())
        standing = await self.service.rate_limits.look_at_handshakes(self.address)
        if standing is not None and not standing.is_admitted:
            self.take_standing(standing)
        self.service.arrivals.admit()
        self.leaves_body_unread = False

    def data_received(self, chunk: bytes) -> None:
        """Drop it: a handshake has no body."""
        if self.is_lingering:
            self.drop(chunk)

    def check_origin(self, origin: str) -> bool:
        """Allow the origins configured and the service's own; others are answered 403."""
        request = self.request
        return self.service.origins.allow(origin, request.headers, remote_ip=str(request.remote_ip))

    def finish(self, chunk: str | bytes | dict[str, Any] | None = None) -> asyncio.Future[None]:
        """Give the envelope to the handshakes that Tornado refuses in plain text."""
        status = self.get_status()
        if status == HTTPStatus.SWITCHING_PROTOCOLS:
            return self._switch_protocols()
        if status < 400 or isinstance(chunk, bytes):
            return super().finish(chunk)
        answer = answer_to(tornado.web.HTTPError(status))
        assert answer is not None
        return super().finish(to_json({"error": answer.body()}))

    def _switch_protocols(self) -> asyncio.Future[None]:
        """Answer the handshake at once: there is no body, and no next request, to keep account of.

        Values of headers are ours, or what Tornado has parsed: there is no line end in them.
        """
        head = "".join(f"{name}: {value}\r\n" for name, value in self._headers.get_all())
        answer = f"HTTP/1.1 101 Switching Protocols\r\n{head}\r\n".encode("latin-1")
        self._finished = True
        self._log()
        try:
            return self.request.connection.stream.write(answer)  # type: ignore[union-attr,no-any-return]
        except StreamClosedError:
            # Who reads from it next finds that out.
            sent = asyncio.get_running_loop().create_future()
            sent.set_result(None)
            return sent

    def on_connection_close(self) -> None:
        """End the wait for a body, too, of which Tornado's handler of sockets does not know."""
        tornado.web.RequestHandler.on_connection_close(self)
        super().on_connection_close()
