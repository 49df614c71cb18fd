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
        for waiting in (_due(at), _claimed(at)):
            yield _waiting(UUID(int=next(numbers)), DUE_USERS[n], at, waiting)
        row_id = UUID(int=next(numbers))
        yield _waiting(row_id, DUE_USERS[n], at, _due(at), campaign_id=row_id)
        dead: dict[str, dict[str, Any]] = {channel: {"status": "dead"} for channel in CHANNELS}
        dead["sms"] |= told_of(n)
        yield _row(DEAD_ROWS[n], DEAD_USERS[n], at, in_app=False, channels=dead)
        bounced = {"email": {"status": "bounced"}}
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
                yield _waiting_later(row_id, n, at)
            case 4:
                sent = {
                    "email": {"status": "sent"},
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


def _waiting_later(row_id: UUID, n: int, at: datetime) -> Document:
    """Return a row that waits under each heading in turn, and is due later than asked for."""
    user, later = UUID(int=OTHERS + n), LATER + n * SECOND
    match n // SHARE % 4:
        case 0:
            return _waiting(row_id, user, at, _claimed(later))
        case 1:
            return _waiting(row_id, user, at, _due(later), priority="critical")
        case 2:
            return _waiting(row_id, user, at, _due(later), campaign_id=user)
        case _:
            return _waiting(row_id, user, at, _due(later))


def _due(at: datetime) -> dict[str, Any]:
    return {channel: {"status": "queued", "due_at": at} for channel in CHANNELS}


def _claimed(due_at: datetime) -> dict[str, Any]:
    state = {
        "status": "sending",
        "due_at": due_at,
        "claimed_at": due_at,
        "claim": UUID(int=8),
        "owner": "tests/worker",
        "epoch": 1,
    }
    return dict.fromkeys(CHANNELS, state)
