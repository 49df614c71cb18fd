"""The `file:` provider of email: an `.eml` a notification in `outbox/email`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tasks.channels.files import drop
from tasks.channels.mail import CannotBeMailed, Mailer

if TYPE_CHECKING:
    from pathlib import Path

    from rules.deliveries import Outcome
    from tasks.letter import EmailAddress, Letter
    from tasks.permit import Permit


class EmailFiles:
    """Writes mails to `directory`."""

    def __init__(self, directory: Path, mailer: Mailer) -> None:
        self._directory = directory
        self._mailer = mailer

    async def send(self, letter: Letter, to: EmailAddress, permit: Permit) -> Outcome:
        """Write the mail."""
        try:
            mail = await self._mailer.mail(letter, to.address, now=datetime.now(UTC))
        except CannotBeMailed as error:
            return error.outcome
        path = self._directory / f"{letter.notification_id}.eml"
        return await drop(path, mail.content, permit)

    async def close(self) -> None:
        """There is nothing to close."""
