"""Pending events of every owner, and others' that were done long ago."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from rules.lease import Lease
from tests.storage.filled.asked import (
    CIPHER,
    DEAD,
    DEAD_EVENTS,
    ENDING,
    ENDING_EVENTS,
    NOBODYS_EVENTS,
    OUR_EVENTS,
    PURGE_AT,
    others,
)
from tests.storage.samples import NOON, OURS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from storage.client import Document


def documents() -> Iterator[Document]:
    for keys, owner, lane in (
        (NOBODYS_EVENTS, Lease("", 0), "fan_out"),
        (OUR_EVENTS, OURS, "single"),
        (DEAD_EVENTS, DEAD, "single"),
        (ENDING_EVENTS, ENDING, "single"),
    ):
        for key in keys:
            yield {
                "_id": key,
                "sender": UUID(int=9),
                "event_id": str(key),
                "type": "listing.created",
                "occurred_at": NOON,
                "accepted_at": NOON,
                "data": CIPHER.encrypt("{}", owner=key),
                "lane": lane,
                "pending_owner": owner.owner,
                "epoch": owner.epoch,
                "cursor": None,
                "attempts": 0,
                "takeovers": 0,
                "retry_at": NOON,
                "state": "pending",
                "purge_at": PURGE_AT,
            }
    for key in others():
        yield {
            "_id": key,
            "type": "listing.created",
            "data": None,
            "lane": "fan_out",
            "state": "done",
            "purge_at": PURGE_AT,
        }
