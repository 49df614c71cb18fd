"""When known users last were online, and others."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from tests.storage.filled.asked import KNOWN, PURGE_AT, others
from tests.storage.samples import NOON

if TYPE_CHECKING:
    from collections.abc import Iterator

    from storage.client import Document


def documents() -> Iterator[Document]:
    for user_id in chain(KNOWN, others()):
        yield {"_id": user_id, "occurred_at": NOON, "purge_at": PURGE_AT}
