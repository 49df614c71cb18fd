"""Schedules of one sender, and others' that wait for their time or are done with."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING
from uuid import UUID

from rules.due_keys import due_key
from tests.storage.filled.asked import CIPHER, LATER, LONG_AGO, OTHERS, OWNER, PURGE_AT, SCHEDULES
from tests.storage.samples import NOON, SECOND

if TYPE_CHECKING:
    from collections.abc import Iterator

    from storage.client import Document


EVENT = {
    "key": UUID(int=8),
    "sender": UUID(int=9),
    "event_id": "1",
    "type": "notification.requested",
    "occurred_at": NOON,
    "lane": "single",
}


def documents() -> Iterator[Document]:
    for n, key in enumerate(SCHEDULES):
        at = NOON + n * SECOND
        yield {
            "_id": key,
            "sender": OWNER,
            "recipient_id": UUID(int=9),
            "kind": "welcome",
            "title": "t",
            "at": at,
            "version": 1,
            "event": EVENT,
            "created_at": at,
            "status": "scheduled",
            "due_at": at,
            "due_key": due_key(key, at, is_urgent=False),
            "request": CIPHER.encrypt("{}", owner=key),
            "purge_at": PURGE_AT,
        }
    for n in count(OTHERS):
        state: Document = {"status": "sent"} if n % 2 else {"status": "scheduled"}
        if n % 2 == 0:
            state["due_at"] = at = LATER + n * SECOND
            state["due_key"] = due_key(UUID(int=n), at, is_urgent=False)
        yield {
            "_id": UUID(int=n),
            "sender": UUID(int=n),
            "created_at": LONG_AGO,
            **state,
            "purge_at": PURGE_AT,
        }
