"""Suppressed addresses, and numbers that are lost."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

from tests.storage.filled.asked import CIPHER, LONG_AGO, LOST_NUMBERS, SUPPRESSED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from storage.client import Document


def documents() -> Iterator[Document]:
    yield {"_id": CIPHER.lookup_hash(SUPPRESSED), "channel": "email", "since": LONG_AGO}
    for n in count():
        yield {"_id": CIPHER.lookup_hash(f"{n}@example.org"), "channel": "email"}


def lost_numbers() -> list[Document]:
    return [{"_id": CIPHER.lookup_hash(number), "channel": "sms"} for number in LOST_NUMBERS]
