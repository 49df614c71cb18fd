"""An SMTP server (aiosmtpd) on the test's own loop that answers what it is told to."""

from __future__ import annotations

import asyncio
import contextlib
import email
import email.policy
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from tornado.testing import bind_unused_port

CUT = "cut"
"""Instead of an answer: the connection is broken off."""

SILENCE = "silence"
"""Instead of an answer: nothing, for as long as the client waits."""

USER, PASSWORD = "snb", "a password for tests"


# Without slots: aiosmtpd looks at every member, and before Python 3.11.3 one cannot be looked at.
@dataclass
class SmtpPeer:
    """What arrived, and what is answered instead of `250`, by command."""

    port: int = 0
    answers: dict[str, str] = field(default_factory=dict)
    once: dict[str, str] = field(default_factory=dict)
    """What is answered the next time only."""

    takes_s: float = 0.0
    """How long it thinks about a mail."""

    connections: list[SMTP] = field(default_factory=list)
    senders: list[str] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    mails: list[EmailMessage] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)
    over_tls: list[bool] = field(default_factory=list)

    async def handle_MAIL(  # noqa: N802 (aiosmtpd's names)
        self, server: SMTP, _: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Begin a mail."""
        envelope.mail_from = address
        self.senders.append(address)
        return await self._answer("MAIL", server)

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, _: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Note a recipient."""
        envelope.rcpt_tos.append(address)
        self.recipients.append(address)
        return await self._answer("RCPT", server)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Take a mail."""
        content = envelope.original_content
        assert content is not None
        parsed = email.message_from_bytes(content, policy=email.policy.default)
        assert isinstance(parsed, EmailMessage)
        await asyncio.sleep(self.takes_s)
        self.mails.append(parsed)
        self.over_tls.append(isinstance(server, _Protocol) and server.is_over_tls)
        return await self._answer("DATA", server)

    async def handle_RSET(self, server: SMTP, _: Session, __: Envelope) -> str:  # noqa: N802
        """Forget a mail that was begun."""
        return await self._answer("RSET", server)

    def authenticate(self, *args: Any) -> AuthResult:
        """Let in who knows the password."""
        given: LoginPassword = args[-1]
        self.logins.append(given.login.decode())
        is_right = given.password == PASSWORD.encode()
        # `handled` would mean that the refusal has been written already.
        return AuthResult(success=is_right, handled=is_right)

    def hang_up(self) -> None:
        """Close every connection, as a server does with those that are idle for long."""
        for connection in self.connections:
            assert connection.transport is not None
            connection.transport.close()
        self.connections.clear()

    async def _answer(self, command: str, server: SMTP) -> str:
        self.commands.append(command)
        answer = self.once.pop(command, None) or self.answers.get(command, "250 OK")
        if answer == SILENCE:
            await asyncio.Event().wait()
        if answer == CUT:
            _abort(server)
        return answer


def _abort(server: SMTP) -> None:
    transport = server.transport
    # One with TLS that is closed already cannot be aborted before Python 3.11.3.
    if isinstance(transport, asyncio.WriteTransport) and not transport.is_closing():
        transport.abort()


class _Protocol(SMTP):
    @property
    def is_over_tls(self) -> bool:
        """Tell whether what is said now is encrypted."""
        transport = self.transport
        return transport is not None and transport.get_extra_info("ssl_object") is not None

    async def end(self) -> None:
        """Break the connection off and see its task end."""
        _abort(self)
        task = self._handler_coroutine
        if task is None:
            # A handshake that failed: there was no conversation.
            return
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@contextlib.asynccontextmanager
async def smtp_peer(
    *,
    tls: ssl.SSLContext | None = None,
    starttls: ssl.SSLContext | None = None,
    needs_login: bool = False,
) -> AsyncIterator[SmtpPeer]:
    """Serve on loopback, with TLS from the start (`tls`) or once asked for (`starttls`)."""
    peer = SmtpPeer()
    made: list[_Protocol] = []

    def connected() -> SMTP:
        connection = _Protocol(
            peer,
            hostname="peer.example",
            tls_context=starttls,
            require_starttls=starttls is not None,
            authenticator=peer.authenticate,
            auth_required=needs_login,
            auth_require_tls=False,
        )
        made.append(connection)
        peer.connections.append(connection)
        return connection

    socket, peer.port = bind_unused_port()
    server = await asyncio.get_running_loop().create_server(connected, sock=socket, ssl=tls)
    try:
        yield peer
    finally:
        server.close()
        for connection in made:
            await connection.end()
