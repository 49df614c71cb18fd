"""Email by SMTP (RFC 5321), over connections that are kept for the next mail.

Up to the end of the recipient's turn nothing has been handed over: whatever goes wrong is
transient, and a kept connection that the server has closed is replaced by a new one. From `DATA`
on, only the server's own refusal says that it did not take the mail (RFC 5321 §4.2.5).
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import deque
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from aiosmtplib import (
    SMTP,
    SMTPDataError,
    SMTPException,
    SMTPRecipientRefused,
    SMTPResponseException,
    SMTPSenderRefused,
    SMTPServerDisconnected,
)

from rules.deliveries import Outcome, Permanent, Reason, Sent, Transient, Uncertain
from tasks.channels.mail import CannotBeMailed, Mail, Mailer

if TYPE_CHECKING:
    from collections.abc import Callable

    from config.providers import Provider
    from tasks.letter import EmailAddress, Letter
    from tasks.permit import Permit

KEPT_FOR_S = 30.0
"""Servers close what is idle: after five minutes by RFC 5321 §4.5.3.2, and many sooner."""

MOST_MAILS = 100
"""Over one connection, so that mails spread over the servers behind a name."""

LEAVE_DEADLINE_S = 1.0

_ENHANCED = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")
"""RFC 3463."""

_GONE = ("5.1.", "5.2.1", "5.4.1")
"""Bad destination address, mailbox disabled, no such host for it."""

_SYSTEM = "4.3."
"""The mail system: full, closed, not capable."""

CLOSING = 421
"""RFC 5321 §3.8: the server closes the connection."""

SUBMISSION_PORT, SUBMISSIONS_PORT = 587, 465


class _Kept:
    """A connection, how often it was used and since when it is idle."""

    __slots__ = ("idle_since_s", "mails", "smtp")

    def __init__(self, smtp: SMTP) -> None:
        self.smtp = smtp
        self.mails = 0
        self.idle_since_s = 0.0


class SmtpSender:
    """Sends mails to one server."""

    def __init__(
        self, provider: Provider, mailer: Mailer, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._provider = provider
        self._clock = clock
        self._mailer = mailer
        self._idle: deque[_Kept] = deque()

    async def send(self, letter: Letter, to: EmailAddress, permit: Permit) -> Outcome:
        """Send one mail to one recipient."""
        try:
            mail = await self._mailer.mail(letter, to.address, now=datetime.now(UTC))
        except CannotBeMailed as error:
            return error.outcome
        while (kept := self._take()) is not None:
            outcome = await self._send_over(kept, mail, permit)
            if outcome is not None:
                return outcome
        try:
            kept = _Kept(await self._connect())
        except SMTPResponseException as error:
            return Transient(_text(error))
        except (SMTPException, OSError) as error:
            return Transient(type(error).__name__)
        outcome = await self._send_over(kept, mail, permit)
        return Transient("the server closed the connection") if outcome is None else outcome

    async def close(self) -> None:
        """Take leave of the server on the connections that are idle."""
        idle, self._idle = self._idle, deque()
        await asyncio.gather(*(_leave(kept.smtp) for kept in idle))

    def _take(self) -> _Kept | None:
        """Return the connection used last, if it may be used again."""
        now_s = self._clock()
        while self._idle:
            kept = self._idle.pop()
            if kept.smtp.is_connected and now_s - kept.idle_since_s < KEPT_FOR_S:
                return kept
            kept.smtp.close()
        return None

    def _keep(self, kept: _Kept) -> None:
        kept.mails += 1
        if kept.mails >= MOST_MAILS or not kept.smtp.is_connected:
            kept.smtp.close()
            return
        kept.idle_since_s = self._clock()
        self._idle.append(kept)

    async def _connect(self) -> SMTP:
        provider = self._provider
        is_tls = provider.scheme == "smtps"
        starts_tls = provider.options.get("starttls") == "1"
        smtp = SMTP(
            hostname=provider.host,
            port=provider.port or (SUBMISSIONS_PORT if is_tls else SUBMISSION_PORT),
            username=provider.user,
            password=provider.password,
            use_tls=is_tls,
            start_tls=starts_tls,
            timeout=provider.timeout_s,
        )
        await smtp.connect()
        return smtp

    async def _send_over(self, kept: _Kept, mail: Mail, permit: Permit) -> Outcome | None:
        """Send over `kept`; None when it turns out to be closed before anything was sent."""
        smtp = kept.smtp
        is_handed_over = False
        try:
            await smtp.mail(self._mailer.sender)
            await smtp.rcpt(mail.recipient)
            permit.check()
            is_handed_over = True
            await smtp.data(mail.content)
        except SMTPResponseException as error:
            if error.code == CLOSING:
                smtp.close()
                # Of a kept connection it says that it was idle for too long, or used enough.
                return _refusal(error) if is_handed_over or not kept.mails else None
            await self._reset(kept)
            return _refusal(error)
        except SMTPServerDisconnected as error:
            smtp.close()
            return Uncertain(type(error).__name__) if is_handed_over else None
        except (SMTPException, OSError) as error:
            smtp.close()
            name = type(error).__name__
            return Uncertain(name) if is_handed_over else Transient(name)
        except BaseException:
            # Not permitted any more, or cancelled: the conversation is left in the middle.
            smtp.close()
            raise
        self._keep(kept)
        return Sent(mail.message_id)

    async def _reset(self, kept: _Kept) -> None:
        """Make a connection on which something was refused fit for the next mail."""
        try:
            await kept.smtp.rset()
        except (SMTPException, OSError):
            kept.smtp.close()
        else:
            self._keep(kept)


async def _leave(smtp: SMTP) -> None:
    try:
        await smtp.quit(timeout=LEAVE_DEADLINE_S)
    except (SMTPException, OSError):
        smtp.close()


def _refusal(error: SMTPResponseException) -> Outcome:
    """Return what a refusal means; of its text, which may hold the address, only codes are kept.

    A sender who is refused is our own trouble: it passes once somebody has seen to it.
    """
    text = _text(error)
    enhanced = _enhanced(error)
    if error.code < 500 or isinstance(error, SMTPSenderRefused):
        return Transient(text, is_providers=_is_providers(error, enhanced))
    if enhanced is None:
        is_gone = isinstance(error, SMTPRecipientRefused) and error.code in {550, 551, 553}
    else:
        is_gone = enhanced.startswith(_GONE)
    return Permanent(text, Reason.ADDRESS_GONE if is_gone else Reason.REJECTED)


def _is_providers(error: SMTPResponseException, enhanced: str | None) -> bool:
    """Tell whether a refusal for now is about the server, and not about one recipient.

    About the recipient are greylisting (RFC 6647), a full mailbox and whatever else is answered to
    `RCPT` or `DATA`, unless it says that the mail system is in trouble (RFC 3463 §3.4).
    """
    if error.code == CLOSING or not isinstance(error, SMTPRecipientRefused | SMTPDataError):
        return True
    return enhanced is not None and enhanced.startswith(_SYSTEM)


def _text(error: SMTPResponseException) -> str:
    enhanced = _enhanced(error)
    return str(error.code) if enhanced is None else f"{error.code} {enhanced}"


def _enhanced(error: SMTPResponseException) -> str | None:
    found = _ENHANCED.search(error.message)
    return found[1] if found else None
