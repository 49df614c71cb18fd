"""The `file:` provider of push: a JSON file a device and notification in `outbox/push`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from tasks.channels.files import drop
from tasks.channels.push_message import push_message

if TYPE_CHECKING:
    from pathlib import Path

    from rules.deliveries import Outcome
    from tasks.letter import Device, Letter
    from tasks.permit import Permit


class PushFiles:
    """Writes pushes to `directory`."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    async def send(self, letter: Letter, to: Device, permit: Permit) -> Outcome:
        """Write the message; its token too, as the only way to tell devices apart."""
        content = {
            "to": {"device_id": str(to.id), "platform": to.platform, "token": to.token},
            "recipient_id": str(letter.recipient_id),
            **push_message(letter).as_json(),
        }
        path = self._directory / f"{letter.notification_id}.{to.id}.json"
        return await drop(path, orjson.dumps(content, option=orjson.OPT_INDENT_2), permit)

    async def close(self) -> None:
        """There is nothing to close."""
