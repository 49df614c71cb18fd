"""An email as it travels: RFC 5322, multipart, with the headers by which it can be left."""

from __future__ import annotations

from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from tasks.letter import Letter

DEFAULT_FROM = "Save n Bite <notifications@savenbite.example>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """What a template makes of a letter."""

    subject: str
    html: str
    text: str


class NotRendered(Exception):
    """The template of a kind fails with this letter; `problem` holds nothing personal."""

    def __init__(self, kind: str, problem: str) -> None:
        super().__init__(f"{kind}: {problem}")
        self.kind = kind
        self.problem = problem


class Renderer(Protocol):
    """Makes mails of letters, in the recipient's language."""

    async def render(self, letter: Letter, *, unsubscribe_url: str) -> Rendered:
        """Return the mail for `letter`; raise NotRendered."""


class UnsubscribePages(Protocol):
    """Where a recipient can leave."""

    def link(self, user_id: UUID, kind: str) -> str:
        """Return the address for a mail of `kind` to `user_id`."""


class Mailer:
    """Makes the message of a letter; every `Sender` of emails is given one."""

    def __init__(self, renderer: Renderer, pages: UnsubscribePages, *, sender: str | None) -> None:
        self._renderer = renderer
        self._pages = pages
        name, address = parseaddr(sender or DEFAULT_FROM)
        self._sender = Address(name, addr_spec=address)

    @property
    def sender(self) -> str:
        """Return the address that mails come from."""
        return self._sender.addr_spec

    async def message(self, letter: Letter, address: str, *, now: datetime) -> EmailMessage:
        """Return the mail of `letter` to `address`; raise NotRendered.

        The Message-ID is the notification's, so that a repeat is recognised where anybody looks.
        """
        # RFC 2369 and RFC 8058: leaving takes one click, in the mail program itself.
        link = self._pages.link(letter.recipient_id, letter.kind)
        rendered = await self._renderer.render(letter, unsubscribe_url=link)
        message = EmailMessage(policy=SMTP)
        message["From"] = self._sender
        message["To"] = _recipient(letter.recipient_name, address)
        message["Subject"] = " ".join(rendered.subject.split())
        message["Date"] = format_datetime(now)
        message["Message-ID"] = f"<{letter.notification_id}@{self._sender.domain}>"
        message["List-Unsubscribe"] = f"<{link}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        message["X-Notification-ID"] = str(letter.notification_id)
        message.set_content(rendered.text)
        message.add_alternative(rendered.html, subtype="html")
        return message


def _recipient(name: str | None, address: str) -> Address | str:
    try:
        return Address(name or "", addr_spec=address)
    except (ValueError, IndexError):
        # What the platform takes for an address is not always one; the provider decides.
        return address
