"""The `file:` provider of SMS: a JSON file a notification in `outbox/sms`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from tasks.channels.files import drop
from tasks.channels.sms_text import segments_of, sms_text

if TYPE_CHECKING:
    from pathlib import Path

    from rules.deliveries import Outcome
    from tasks.letter import Letter, PhoneNumber
    from tasks.permit import Permit


class SmsFiles:
    """Writes text messages to `directory`."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    async def send(self, letter: Letter, to: PhoneNumber, permit: Permit) -> Outcome:
        """Write the message."""
        text = sms_text(letter)
        content = {
            "to": to.number,
            "body": text,
            "segments": segments_of(text),
            "notification_id": str(letter.notification_id),
            "notification_type": letter.kind,
            "recipient_id": str(letter.recipient_id),
        }
        path = self._directory / f"{letter.notification_id}.json"
        return await drop(path, orjson.dumps(content, option=orjson.OPT_INDENT_2), permit)

    async def close(self) -> None:
        """There is nothing to close."""
