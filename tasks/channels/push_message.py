"""What a push says: short, and small enough for every platform.

Pure; the FCM sender and the `file:` sender render the same message.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import orjson

from rules.text import shorten

if TYPE_CHECKING:
    from tasks.letter import Letter

BODY_CHARACTERS = 240
"""More than any phone shows before it is opened."""

MOST_BYTES = 3_500
"""FCM takes 4,096 bytes of message; the rest is for what platforms add."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PushMessage:
    """One push, for whichever device."""

    title: str
    body: str
    image: str | None
    link: str | None
    """Where a tap leads, in the app or on the web."""

    tag: str
    """The notification's id: on the phone a repeat takes the place of the first."""

    badge: int
    is_critical: bool
    data: dict[str, str]
    """Strings only (FCM HTTP v1, `Message.data`)."""

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return asdict(self)


def push_message(letter: Letter) -> PushMessage:
    """Return the push for `letter`; of its data what fits, the smallest first."""
    link = letter.data.get("deep_link")
    essential = {
        "notification_id": str(letter.notification_id),
        "notification_type": letter.kind,
    }
    message = PushMessage(
        title=letter.title,
        body=shorten(letter.message, BODY_CHARACTERS),
        image=letter.image_url,
        link=link if isinstance(link, str) else None,
        tag=str(letter.notification_id),
        badge=letter.unread_count,
        is_critical=letter.priority == "critical",
        data=essential,
    )
    room = MOST_BYTES - len(orjson.dumps(message))
    texts = {name: _text(value) for name, value in letter.data.items() if name not in essential}
    for name, text in sorted(texts.items(), key=lambda item: len(item[1])):
        room -= len(orjson.dumps({name: text}))
        if room < 0:
            break
        message.data[name] = text
    return message


def _text(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()
