"""Uses of the deliveries by those that send them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from rules.deliveries import DeliveryStatus, Settled
from storage.deliveries import DeliveriesRepository
from storage.delivery_entries import Entry
from tests.storage.filled.asked import DUE_ROWS, DUE_USERS, LATER, MARKER, READER
from tests.storage.samples import NOON, OURS, SECOND
from tests.storage.uses.use import Use, counted

if TYPE_CHECKING:
    from collections.abc import Awaitable
    from datetime import datetime

    from motor.motor_asyncio import AsyncIOMotorDatabase

    from storage.client import Document

REFS = list(zip(DUE_USERS, DUE_ROWS, strict=True))
CLAIM = UUID(int=7)


def waiting(at: datetime) -> dict[str, Any]:
    """Return how what is critical waits, as these are."""
    return {"status": "queued", "due_at": at, "filed": {"under": "critical", "at": at}}


def due_again(database: AsyncIOMotorDatabase[Document]) -> Awaitable[Any]:
    return database["notifications"].update_many(
        {"_id": {"$in": DUE_ROWS}},
        {"$set": {"channels.email": waiting(NOON + SECOND)}},
    )


def sending_again(database: AsyncIOMotorDatabase[Document]) -> Awaitable[Any]:
    filed = {"under": "claimed", "at": NOON}
    held = {"status": "sending", "claim": CLAIM, "due_at": NOON, "filed": filed}
    return database["notifications"].update_many(
        {"_id": {"$in": DUE_ROWS}}, {"$set": {"channels.email": held}}
    )


USES = [
    Use(
        DeliveriesRepository.claim,
        lambda stores: counted(
            stores.deliveries.claim("email", REFS, OURS, claim=CLAIM, at=NOON, recheck_at=LATER)
        ),
        restore=due_again,
    ),
    Use(
        DeliveriesRepository.charge,
        lambda stores: stores.deliveries.charge(
            "email", CLAIM, [(ref, "2026-11-26") for ref in REFS]
        ),
        restore=sending_again,
    ),
    Use(
        DeliveriesRepository.begin,
        lambda stores: counted(stores.deliveries.begin("email", REFS, CLAIM, at=NOON)),
        restore=sending_again,
    ),
    Use(
        DeliveriesRepository.record,
        lambda stores: stores.deliveries.record(
            "email",
            CLAIM,
            [Entry(ref=ref, stands=Settled(DeliveryStatus.SENT), at=NOON) for ref in REFS],
        ),
        restore=sending_again,
    ),
    Use(
        DeliveriesRepository.release,
        lambda stores: stores.deliveries.release("email", REFS, CLAIM, due_at=LATER),
        restore=sending_again,
    ),
    Use(
        DeliveriesRepository.requeue,
        lambda stores: stores.deliveries.requeue("email", REFS, until=LATER),
        restore=due_again,
    ),
    Use(
        DeliveriesRepository.put_off,
        lambda stores: stores.deliveries.put_off("email", REFS, until=LATER),
        restore=due_again,
    ),
    Use(
        DeliveriesRepository.unread_counts,
        lambda stores: stores.deliveries.unread_counts([READER, MARKER]),
        ("unread",),
    ),
]
