"""Notifications to be read, marked, deleted, sent and retried, and others' and older ones."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any
from uuid import UUID

from tests.storage.filled.asked import (
    BAKERY,
    CAMPAIGN,
    CAMPAIGN_ROWS,
    CAMPAIGN_USERS,
    CHANGED,
    CHANNELS,
    DEAD_ROWS,
    DEAD_USERS,
    DELETED_ROWS,
    DELETER,
    DUE_ROWS,
    DUE_USERS,
    LATER,
    LONG_AGO,
    MARKED_ROWS,
    MARKER,
    OTHERS,
    READ_ROWS,
    READER,
    RETURNED,
    SHARE,
)
from tests.storage.samples import NOON, SECOND, a_row

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from storage.client import Document


def documents() -> Iterator[Document]:
    numbers = count(100_000_000)
    for n in range(RETURNED):
        at = NOON + n * SECOND
        yield _row(READ_ROWS[n], READER, at, business_id=BAKERY)
        yield _row(MARKED_ROWS[n], MARKER, at)
        yield _row(DELETED_ROWS[n], DELETER, at)
        yield _row(UUID(int=next(numbers)), CHANGED, at, is_read=True) | {"changed_at": at}
        yield _waiting(DUE_ROWS[n], DUE_USERS[n], at, _due(at), priority="critical")
        claimed = _claimed(LATER, claimed_at=at)
        yield _waiting(UUID(int=next(numbers)), DUE_USERS[n], at, claimed)
        dead = {channel: {"status": "dead", "outcome": "dead"} for channel in CHANNELS}
        dead["sms"] |= told_of(n)
        yield _row(DEAD_ROWS[n], DEAD_USERS[n], at, in_app=False, channels=dead)
        bounced = {"email": {"status": "bounced", "outcome": "bounced"}}
        yield _row(CAMPAIGN_ROWS[n], CAMPAIGN_USERS[n], at, channels=bounced, campaign_id=CAMPAIGN)
    for n in count():
        at, row_id = LONG_AGO + n * SECOND, UUID(int=next(numbers))
        match n % SHARE:
            case 0:
                yield _row(row_id, READER, at, is_deleted=True)
            case 1:
                yield _row(row_id, MARKER, at, is_read=True)
            case 2:
                yield _row(row_id, CHANGED, at, is_read=True) | {"changed_at": at}
            case 3:
                later = LATER + n * SECOND
                channels = _due(later) if n % 2 else _claimed(later, claimed_at=later)
                yield _waiting(row_id, UUID(int=OTHERS + n), at, channels)
            case 4:
                sent = {
                    "email": {"status": "sent", "outcome": "sent"},
                    "sms": {"status": "sent", "provider_message_id": f"SM{OTHERS + n}"},
                }
                other = UUID(int=OTHERS + n)
                yield _row(row_id, other, at, channels=sent, campaign_id=other)
            case _:
                # Of the fewest bytes: all that matters of them is that they are there.
                yield {"_id": row_id, "recipient_id": UUID(int=OTHERS + n), "created_at": at}


def _row(row_id: UUID, user: UUID, at: datetime, **changes: Any) -> Document:
    slim = {
        "event_id": UUID(int=0),
        "title": "t",
        "message": "m",
        "data": {},
        "action_buttons": [],
        "channels": {},
    }
    return a_row(user, id=row_id, created_at=at, **(slim | changes)).to_document()


def told_of(n: int) -> dict[str, Any]:
    """Return what is known of an SMS that its provider has taken."""
    attempt = {"at": NOON, "ended_at": NOON, "provider_message_id": f"SM{n}"}
    return {"provider_message_id": f"SM{n}", "attempts": [attempt]}


def _waiting(
    row_id: UUID, user: UUID, at: datetime, channels: dict[str, Any], **changes: Any
) -> Document:
    return _row(row_id, user, at, in_app=False, channels=channels, **changes)


def _due(at: datetime) -> dict[str, Any]:
    return {channel: {"status": "queued", "due_at": at} for channel in CHANNELS}


def _claimed(due_at: datetime, *, claimed_at: datetime) -> dict[str, Any]:
    state = {
        "status": "sending",
        "due_at": due_at,
        "claimed_at": claimed_at,
        "claim": UUID(int=8),
        "owner": "tests/worker",
        "epoch": 1,
    }
    return dict.fromkeys(CHANNELS, state)
