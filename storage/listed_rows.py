"""Read the rows of inboxes for lists: what several of them say the same is decoded once.

The rows of a fan-out are the same but for their ids, until somebody reads them, and who looks again
finds mostly what was there before. The driver makes three UUIDs and up to two times of each row, in
Python: that takes ten times as long as to find that what the row says is known.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from bson import decode

from storage.raw_batches import ID_BEGINS, ID_ENDS
from storage.row_encoding import LENGTH, STANDARD
from storage.sealing import has_secrets, opened

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from bson.raw_bson import RawBSONDocument

    from storage.client import Document
    from storage.encryption import FieldCipher

LISTED = dict.fromkeys(
    (
        *("kind", "title", "message", "data", "action_buttons", "image_url", "priority"),
        *("business_id", "sender_id", "sender_type", "created_at"),
        *("is_read", "read_at", "is_deleted"),
    ),
    1,
)
"""What a list shows. Of 20 whole rows two thirds of the driver's time were the rest."""

REMEMBERED = 1_000
"""Contents, of about 8 KB each with what they were made into."""

LONGEST_REMEMBERED = 2_048
"""Bytes. Made into what it says, a row of many small things is ten times as large."""

REMEMBERED_FOR_S = 60.0
"""The first list after that forgets them all."""


@dataclass(slots=True, eq=False)
class Content:
    """What a row shows but for its id, which other rows may show, too. Not to be changed."""

    fields: Document
    """What there is of `LISTED`; in clear, where rows have been read."""

    origin: str
    """Whom it is from, for comparing: UUIDs would be hashed and compared by Python."""

    is_secret: bool
    """Whether some of it is for its recipient alone, and so is no other row's."""

    shown: bytes | None = None
    """What it was made into to be shown, for who makes it to keep here."""


class ListedRow(NamedTuple):
    """A row of an inbox, as lists show it."""

    id_bytes: bytes
    content: Content

    @property
    def id_text(self) -> bytes:
        """The same as people write it, which takes half the time of making a UUID first."""
        digits = self.id_bytes.hex().encode()
        return b"-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))

    @property
    def created_at(self) -> datetime:
        """Its position."""
        at: datetime = self.content.fields["created_at"]
        return at

    @property
    def is_read(self) -> bool:
        """Whether it was read."""
        return bool(self.content.fields["is_read"])


class ListedRows:
    """Reads rows, and remembers for a while what they said."""

    def __init__(self, cipher: FieldCipher, *, timer: Callable[[], float] = time.monotonic) -> None:
        self._cipher = cipher
        self._timer = timer
        self._content = lru_cache(REMEMBERED)(_content)
        self._forgets_at_s = timer() + REMEMBERED_FOR_S

    def read(self, found: Iterable[RawBSONDocument], recipient_id: UUID) -> list[ListedRow]:
        """Return the rows that were found of the recipient's by the projection `LISTED`."""
        now_s = self._timer()
        if now_s >= self._forgets_at_s:
            self._content.cache_clear()
            self._forgets_at_s = now_s + REMEMBERED_FOR_S
        return [self._row(bytes(each.raw), recipient_id) for each in found]

    def _row(self, raw: bytes, recipient_id: UUID) -> ListedRow:
        after_id = raw[ID_ENDS:]
        is_short = len(after_id) <= LONGEST_REMEMBERED
        content = self._content(after_id) if is_short else _content(after_id)
        if content.is_secret:
            clear = opened({**content.fields, "recipient_id": recipient_id}, self._cipher)
            del clear["recipient_id"]
            content = Content(clear, content.origin, is_secret=True)
        return ListedRow(raw[ID_BEGINS:ID_ENDS], content)


def _content(after_id: bytes) -> Content:
    """Return what the elements after the id say, as they are stored."""
    length = LENGTH.pack(LENGTH.size + len(after_id))
    fields: dict[str, Any] = decode(length + after_id, codec_options=STANDARD)
    return Content(
        fields,
        origin=f"{fields['business_id']} {fields['sender_id']} {fields.get('sender_type')}",
        is_secret=has_secrets(fields["data"], fields["action_buttons"]),
    )
