"""The `file:` provider of email: an `.eml` a notification in `outbox/email`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rules.deliveries import Outcome, Permanent
from tasks.channels.files import drop
from tasks.channels.mail import Mailer, NotRendered

if TYPE_CHECKING:
    from pathlib import Path

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
            message = await self._mailer.message(letter, to.address, now=datetime.now(UTC))
        except NotRendered as error:
            return Permanent(str(error))
        path = self._directory / f"{letter.notification_id}.eml"
        return await drop(path, message.as_bytes(), permit)

    async def close(self) -> None:
        """There is nothing to close."""
