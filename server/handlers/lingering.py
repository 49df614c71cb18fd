"""Answer before a body has been read, so that the client sees the answer.

Who closes a connection on which bytes are still to come resets it, and most clients then report
the reset, not the answer that they were sent. So the answer is sent whole, what comes is dropped,
and the request ends when its body has, when nothing comes any more, or after half a minute.
"""

from __future__ import annotations

import asyncio

import tornado.web
from tornado.escape import utf8

IDLE_WITHIN_S = 2.0
LINGER_WITHIN_S = 30.0


class LingeringHandler(tornado.web.RequestHandler):
    """Base of handlers that read bodies as they come (`stream_request_body`)."""

    leaves_body_unread: bool = False
    """Whether an answer given now comes before the body, if there is one, has been read."""

    is_lingering: bool = False
    """Whether it is answered, and what still comes is to be given to `drop`."""

    _sent: asyncio.Future[None]
    _linger_timer: asyncio.TimerHandle | None = None
    _lingers_until_s = 0.0

    def finish(self, chunk: str | bytes | dict[str, object] | None = None) -> asyncio.Future[None]:
        """Send the answer, and end the request as soon as the client can do without it."""
        if self.is_lingering:
            return self._sent
        if not self.leaves_body_unread:
            return super().finish(chunk)
        if self._announces_body():
            self.set_header("Connection", "close")
        if self.request.headers.get("Expect", "").lower() == "100-continue":
            # The client waits for an answer before it sends the body, and now never will.
            return super().finish(chunk)
        assert isinstance(chunk, str | bytes)
        content = utf8(chunk)
        self.is_lingering = True
        self.set_header("Content-Length", str(len(content)))
        self.write(content)
        self._lingers_until_s = asyncio.get_running_loop().time() + LINGER_WITHIN_S
        self._wait()
        body_read: asyncio.Future[None] = self.request._body_future  # noqa: SLF001 (no other way)
        body_read.add_done_callback(self._body_has_come)
        self._sent = self.flush()
        return self._sent

    def drop(self, chunk: bytes) -> None:
        """Drop a part of the body."""
        self._wait()

    def on_connection_close(self) -> None:
        """Wait no longer for a client that has gone."""
        super().on_connection_close()
        if self._linger_timer is not None:
            self._linger_timer.cancel()

    def _body_has_come(self, read: asyncio.Future[None]) -> None:
        if read.exception() is None:
            self._stop_lingering()

    def _announces_body(self) -> bool:
        headers = self.request.headers
        return headers.get("Content-Length", "0") != "0" or "Transfer-Encoding" in headers

    def _wait(self) -> None:
        if self._linger_timer is not None:
            self._linger_timer.cancel()
        loop = asyncio.get_running_loop()
        ends_at_s = min(loop.time() + IDLE_WITHIN_S, self._lingers_until_s)
        self._linger_timer = loop.call_at(ends_at_s, self._stop_lingering)

    def _stop_lingering(self) -> None:
        if self._linger_timer is not None:
            self._linger_timer.cancel()
        if not self._finished:
            super().finish()
