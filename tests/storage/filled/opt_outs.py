"""Opt-outs at the time that is asked for, and long after."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.storage.filled.asked import LATER, OPTED_OUT_AT, PURGE_AT, ids, others

if TYPE_CHECKING:
    from collections.abc import Iterator

    from storage.client import Document

GATHERED = ids(98_000_000)


def documents() -> Iterator[Document]:
    rest = {"what": "email", "way": "unsubscribed", "purge_at": PURGE_AT}
    for token in GATHERED:
        yield {"_id": token, "at": OPTED_OUT_AT, **rest}
    for token in others():
        yield {"_id": token, "at": LATER, **rest}
