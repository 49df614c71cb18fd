"""A connection of HTTP/1.1, on which one request comes after the other."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tornado.http1connection import HTTP1ServerConnection
from tornado.iostream import StreamClosedError, UnsatisfiableReadError

from server.exchange import Exchange

if TYPE_CHECKING:
    from tornado.httputil import HTTPServerConnectionDelegate


class HttpConnection(HTTP1ServerConnection):
    """Tornado's, whose requests and answers are `Exchange`s."""

    def start_serving(self, delegate: HTTPServerConnectionDelegate) -> None:
        """Begin to take requests."""
        serving = asyncio.ensure_future(self._serve(delegate))
        self._serving_future = serving
        # So that what goes wrong is logged.
        self.stream.io_loop.add_future(serving, lambda served: served.result())

    async def _serve(self, delegate: HTTPServerConnectionDelegate) -> None:
        try:
            while await self._exchanged(delegate):
                if not self.stream.reading():
                    # Who sends several requests at once does not keep others waiting.
                    await asyncio.sleep(0)
        finally:
            delegate.on_close(self)

    async def _exchanged(self, delegate: HTTPServerConnectionDelegate) -> bool:
        """Take a request and see it answered; tell whether there may be another."""
        exchange = Exchange(self.stream, False, self.params, self.context)
        request = delegate.start_request(self, exchange)
        try:
            return await exchange.read_response(request)
        except (StreamClosedError, UnsatisfiableReadError, asyncio.CancelledError):
            return False
        except BaseException:
            exchange.close()
            raise
