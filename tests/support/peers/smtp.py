"""An SMTP server (aiosmtpd) that takes every mail, on a thread of its own."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Iterator
from email import message_from_bytes

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from tornado.testing import bind_unused_port


class SmtpPeer:
    """What arrived: how often each notification did."""

    def __init__(self, *, after_s: float) -> None:
        self.arrived: Counter[str] = Counter()
        self.in_flight = 0
        self.most_in_flight = 0
        self.after_s = after_s
        self.port = 0

    async def handle_DATA(self, _: SMTP, __: Session, envelope: Envelope) -> str:  # noqa: N802
        """Take a mail (aiosmtpd's hook)."""
        assert isinstance(envelope.content, bytes)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        self.arrived[str(message_from_bytes(envelope.content)["X-Notification-ID"])] += 1
        await asyncio.sleep(self.after_s)
        self.in_flight -= 1
        return "250 taken"


@contextlib.contextmanager
def smtp_peer(*, after_s: float = 0.0) -> Iterator[SmtpPeer]:
    """Serve on loopback; each mail is acknowledged `after_s` after it arrived."""
    socket, port = bind_unused_port()
    socket.close()
    peer = SmtpPeer(after_s=after_s)
    peer.port = port
    controller = Controller(peer, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield peer
    finally:
        controller.stop()
