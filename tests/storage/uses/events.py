"""Uses of the events and of who has them in hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage.events import EventsRepository
from tests.storage.filled.asked import (
    DEAD,
    DEAD_EVENTS,
    ENDING,
    ENDING_EVENTS,
    LATER,
    NOBODYS_EVENTS,
    OUR_EVENTS,
    RETURNED,
)
from tests.storage.samples import NOON, OURS, THEIRS, an_event
from tests.storage.uses.use import Use, counted, is_found, without

if TYPE_CHECKING:
    from uuid import UUID

    from tests.storage.uses.use import Restore

NEW_EVENTS = [an_event() for _ in range(RETURNED)]
WITHOUT_NEW = without("events", [event.key for event in NEW_EVENTS])


def held_again(keys: list[UUID], owner: str, epoch: int) -> Restore:
    lane = "single" if owner else "fan_out"
    return lambda database: database["events"].update_many(
        {"_id": {"$in": keys}},
        {"$set": {"pending_owner": owner, "epoch": epoch, "retry_at": NOON, "lane": lane}},
    )


ENDING_AGAIN = held_again(ENDING_EVENTS, ENDING.owner, ENDING.epoch)
DEAD_AGAIN = held_again(DEAD_EVENTS, DEAD.owner, DEAD.epoch)

USES = [
    Use(
        EventsRepository.accept,
        lambda stores: counted(stores.events.accept(NEW_EVENTS, accepted_at=NOON)),
        restore=WITHOUT_NEW,
    ),
    Use(EventsRepository.advance, lambda stores: stores.events.advance(OUR_EVENTS[0], OURS, 7)),
    Use(EventsRepository.shorten, lambda stores: stores.events.shorten(OUR_EVENTS[0], OURS, 9)),
    Use(
        EventsRepository.has_unowned,
        lambda stores: stores.events.has_unowned("fan_out"),
        ("pending",),
    ),
    Use(
        EventsRepository.finish,
        lambda stores: stores.events.finish(ENDING_EVENTS[0], ENDING, at=NOON),
        restore=ENDING_AGAIN,
    ),
    Use(
        EventsRepository.finish_all,
        lambda stores: stores.events.finish_all(ENDING_EVENTS, ENDING, at=NOON),
        restore=ENDING_AGAIN,
    ),
    Use(
        EventsRepository.fail,
        lambda stores: stores.events.fail(ENDING_EVENTS[0], ENDING, error="", at=NOON),
        restore=ENDING_AGAIN,
    ),
    Use(
        EventsRepository.postpone,
        lambda stores: stores.events.postpone(ENDING_EVENTS[0], ENDING, retry_at=LATER, error=""),
        restore=ENDING_AGAIN,
    ),
    Use(
        EventsRepository.release,
        lambda stores: stores.events.release(ENDING_EVENTS, ENDING),
        restore=ENDING_AGAIN,
    ),
    Use(
        EventsRepository.claim_unowned,
        lambda stores: counted(
            stores.events.claim_unowned(THEIRS, lanes=["fan_out"], limit=500, now=LATER)
        ),
        ("pending",),
        held_again(NOBODYS_EVENTS, "", 0),
    ),
    Use(
        EventsRepository.claim_from,
        lambda stores: counted(
            stores.events.claim_from(DEAD.owner, below_epoch=9, lease=THEIRS, limit=500)
        ),
        ("pending",),
        DEAD_AGAIN,
    ),
    Use(
        EventsRepository.has_pending,
        lambda stores: stores.events.has_pending(DEAD.owner, below_epoch=9),
        ("pending",),
        DEAD_AGAIN,
    ),
    Use(
        EventsRepository.release_all,
        lambda stores: stores.events.release_all(ENDING),
        ("pending",),
        ENDING_AGAIN,
    ),
    Use(
        EventsRepository.progress,
        lambda stores: is_found(stores.events.progress(OUR_EVENTS[0])),
    ),
    Use(EventsRepository.ids, lambda stores: counted(stores.events.ids(OUR_EVENTS))),
    Use(EventsRepository.held, lambda stores: counted(stores.events.held(OURS)), ("pending",)),
    Use(
        EventsRepository.pending_count,
        lambda stores: stores.events.pending_count(),
        ("pending",),
        WITHOUT_NEW,
    ),
]
