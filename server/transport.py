"""What every connection does, whoever is at its other end: write, stay bounded, end."""

from __future__ import annotations

import json
import random

import structlog

from actors.connection import CloseCode
from server.arrivals import BACK_FROM_S, BACK_TO_S
from server.handshake import HandshakeHandler
from server.service import Service
from server.socket_protocol import SocketProtocol

SEND_BUFFER_BYTES = 256 * 1024
"""Unsent bytes of one connection, but for a longer frame; over it the reader is too slow."""

RECONNECT_MS: dict[int, tuple[int, int]] = {
    CloseCode.SERVER_RESTARTING: (200, 5_000),
    CloseCode.TRY_AGAIN_LATER: (BACK_FROM_S * 1_000, BACK_TO_S * 1_000),
}
"""When clients that are sent away come back: from and to, so that they do not come at once."""

NORMAL_CLOSURE = 1_000
"""RFC 6455 §7.4.1."""

BUFFER_FULL = "too much is unsent"

EXPECTED = frozenset({CloseCode.SERVER_RESTARTING, CloseCode.UNAUTHORIZED})
"""Ends that come to everybody in the end, so that there is nothing in them to log."""

log = structlog.get_logger(__name__)


class Transport(HandshakeHandler):
    """One connection. It satisfies `actors.connection.Connection` and `server.hub.Member`."""

    def initialize(self, service: Service) -> None:
        """Take the service that `server/app.py` passes with each route."""
        super().initialize(service)
        self.heard_at_s = 0.0
        self._protocol: SocketProtocol | None = None
        self._ended_by = "client"
        """What the tally calls its end."""

    def get_websocket_protocol(self) -> SocketProtocol | None:
        """Return the protocol that the handshake asks for, or None."""
        self._protocol = SocketProtocol.of(self)
        return self._protocol

    async def open(self, *args: str, **kwargs: str) -> None:
        """Join the hub."""
        assert self._protocol is not None
        self._protocol.configure()
        self.service.hub.join(self)

    def on_close(self) -> None:
        """Leave the hub."""
        self.service.tally.sockets_closed[self._ended_by] += 1
        self.service.hub.leave(self)
        self._protocol = None

    def on_pong(self, data: bytes) -> None:
        """Take it as a sign of life."""
        self.heard()

    def on_ping(self, data: bytes) -> None:
        """Take it as a sign of life; it is answered by Tornado."""
        self.heard()

    def heard(self) -> None:
        """Note that the peer is alive."""
        self.heard_at_s = self.service.hub.now_s

    @property
    def is_closing(self) -> bool:
        """Whether nothing more is sent, nor taken from the client."""
        return self._protocol is None or self._protocol.is_closing()

    @property
    def unsent_bytes(self) -> int:
        """What waits for the reader."""
        return 0 if self._protocol is None else self._protocol.unsent_bytes

    @property
    def taken_bytes(self) -> int:
        """What the reader, or the kernel for it, has taken."""
        return 0 if self._protocol is None else self._protocol.taken_bytes

    def send(self, frame: bytes) -> None:
        """Write one text frame, at once; a reader who is too slow for it is closed."""
        protocol = self._protocol
        if protocol is None or protocol.is_closing():
            return
        unsent_bytes = protocol.unsent_bytes
        # Who has taken all that came before is not slow, however long an answer to `sync` is.
        if unsent_bytes and unsent_bytes + len(frame) > SEND_BUFFER_BYTES:
            self.close(CloseCode.SLOW_READER, BUFFER_FULL)
            return
        protocol.write_text(frame)
        self.service.tally.frames_sent += 1
        if unsent_bytes or protocol.unsent_bytes:
            self.service.hub.watch(self)

    def probe(self) -> None:
        """Ask for a sign of life."""
        if self._protocol is not None:
            self._protocol.ping()

    def close(self, code: int | None = None, reason: str | None = None) -> None:
        """End the connection; nothing is sent after it, and it is cut five seconds later."""
        if self.is_closing:
            return
        if code is not None and code in RECONNECT_MS:
            wait_ms = random.randint(*RECONNECT_MS[code])  # noqa: S311 (jitter)
            reason = json.dumps({"reconnect_after_ms": wait_ms})
        self._ended_by = str(int(code or NORMAL_CLOSURE))
        if code not in EXPECTED:
            log.info("socket_closed", code=code and int(code), why=reason, **self._about())
        super().close(code, reason)

    def cut(self, why: str | None) -> None:
        """End the connection without a word, and log why, if there is a reason of its own."""
        if self._protocol is None:
            return
        if self._ended_by == "client":
            self._ended_by = "cut"
        if why is not None:
            log.info("socket_cut", why=why, **self._about())
        self._protocol.cut()

    def _about(self) -> dict[str, object]:
        """Return what is logged of the connection."""
        return {"request_id": self.request_id, "unsent_bytes": self.unsent_bytes}
