"""An email as it travels: RFC 5322, multipart, with the headers by which it can be left."""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.headerregistry import Address
from email.utils import format_datetime, parseaddr
from typing import TYPE_CHECKING, Protocol

from rules.deliveries import Permanent, Reason
from tasks.channels.mime import header, message, plain_header

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from tasks.emails.rendered import Rendered
    from tasks.letter import Letter

DEFAULT_FROM = "Save n Bite <notifications@savenbite.example>"

_ADDRESS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@([^\s@<>(),;:\\\"\[\]]{1,253})")
"""A dot-atom (RFC 5321 §4.1.2). Quoted local parts are legal and unheard of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """A mail and its envelope."""

    recipient: str
    """In ASCII."""

    message_id: str
    content: bytes


class CannotBeMailed(Exception):
    """A letter of which there can be no mail, however often it is tried."""

    outcome: Permanent


class NotRendered(CannotBeMailed):
    """The template of a kind fails with this letter; `problem` holds nothing personal."""

    def __init__(self, kind: str, problem: str) -> None:
        super().__init__(f"{kind}: {problem}")
        self.kind = kind
        self.problem = problem
        self.outcome = Permanent(str(self))


class NotAnAddress(CannotBeMailed):
    """What the platform takes for somebody's address is none that mail can be sent to."""

    def __init__(self) -> None:
        super().__init__("not an address")
        self.outcome = Permanent(str(self), Reason.ADDRESS_GONE)


class Renderer(Protocol):
    """Makes mails of letters, in the recipient's language."""

    async def render(self, letter: Letter, *, unsubscribe_url: str) -> Rendered:
        """Return the mail for `letter`; raise NotRendered."""


class UnsubscribePages(Protocol):
    """Where a recipient can leave."""

    def link(self, user_id: UUID, kind: str) -> str:
        """Return the address for a mail of `kind` to `user_id`."""


class Counting(Protocol):
    """Makes it known which mails are of use."""

    def counted(self, letter: Letter) -> Letter:
        """Return the letter with links that count when they are followed."""


class Mailer:
    """Makes the message of a letter; every `Sender` of emails is given one."""

    def __init__(
        self,
        renderer: Renderer,
        pages: UnsubscribePages,
        *,
        sender: str | None,
        counting: Counting | None = None,
    ) -> None:
        self._renderer = renderer
        self._pages = pages
        self._counting = counting
        name, address = parseaddr(sender or DEFAULT_FROM)
        self._sender = Address(name, addr_spec=address)
        self._from = header("From", self._sender)

    @property
    def sender(self) -> str:
        """Return the address that mails come from."""
        return self._sender.addr_spec

    async def mail(self, letter: Letter, address: str, *, now: datetime) -> Mail:
        """Return the mail of `letter` to `address`; raise CannotBeMailed.

        The Message-ID is the notification's, so that a repeat is recognised where anybody looks.
        """
        recipient = envelope_address(address)
        # RFC 2369 and RFC 8058: leaving takes one click, in the mail program itself.
        link = self._pages.link(letter.recipient_id, letter.kind)
        shown = letter if self._counting is None else self._counting.counted(letter)
        rendered = await self._renderer.render(shown, unsubscribe_url=link)
        message_id = f"<{letter.notification_id}@{self._sender.domain}>"
        headers = (
            self._from,
            header("To", Address(_one_line(letter.recipient_name or ""), addr_spec=recipient)),
            header("Subject", _one_line(rendered.subject)),
            plain_header("Date", format_datetime(now)),
            plain_header("Message-ID", message_id),
            plain_header("List-Unsubscribe", f"<{link}>"),
            plain_header("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
            plain_header("X-Notification-ID", str(letter.notification_id)),
        )
        content = message(
            headers,
            text=rendered.text,
            html=rendered.html,
            boundary=letter.notification_id.hex,
        )
        return Mail(recipient=recipient, message_id=message_id, content=content)


def envelope_address(address: str) -> str:
    """Return `address` as every mail server takes it, its domain in ASCII; raise NotAnAddress."""
    found = _ADDRESS.fullmatch(address)
    if found is None:
        raise NotAnAddress
    try:
        domain = found[1].encode("idna").decode()
        return Address(addr_spec=f"{address[: found.start(1)]}{domain}").addr_spec
    except (ValueError, IndexError):
        # A domain or a local part of empty labels, or of more than 63 characters.
        raise NotAnAddress from None


def _one_line(text: str) -> str:
    return " ".join(text.split())
