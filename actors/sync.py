"""Find what a client has missed since the last notification it saw.

Order is the position. Two writers' rows can become visible out of that order, so a sync looks
back behind the row that the client names, and leaves out what the client must have seen: rows
that were sent on this connection, and rows of the same writer that had been announced before the
named one was even given its position (`floor`, storage/positions.py).
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from actors import frames
from actors.frames import to_json
from storage.names import Names
from storage.notifications import Change, NotificationRow, NotificationsRepository
from storage.positions import PositionClock

LOOK_BACK = timedelta(seconds=30)
"""How much later than its position a row may become visible: above an insert's deadline."""

LOOK_AHEAD = timedelta(seconds=10)
"""How far ahead of this process's clock another trusted one's may be, twice the bound of 5 s."""

PAGE_BYTES = 128 * 1024
"""A page is about half of what a connection may have unsent (server/websocket.py)."""

ROW_BYTES = 1_024
"""What a row takes beside its texts and data, roughly: names, buttons, URLs."""

LATE_ROWS = 500
"""Most rows read behind the named one: ten times a customer's in-app notifications of a day."""

CHANGES = 500
"""Most entries of `changed`; the newest changes are kept."""


class UnknownNotification(LookupError):
    """The user has no such notification (any more); start again from null."""

    def __init__(self, notification_id: UUID) -> None:
        super().__init__(f"no notification {notification_id}")
        self.notification_id = notification_id


@dataclass(frozen=True, slots=True)
class Missed:
    """What a client has to be told: rows oldest first, and what became of older ones."""

    rows: list[NotificationRow]
    changed: list[Change]
    has_more: bool
    known: frozenset[UUID]
    """Ids near the named row that the client has when it got `rows`: not to be announced again."""


async def find_missed(
    notifications: NotificationsRepository,
    clock: PositionClock,
    recipient_id: UUID,
    *,
    since: UUID | None,
    limit: int,
    already_sent: Container[UUID],
) -> Missed:
    """Read what the client who last saw `since` has not seen: late rows, and `limit` others.

    Raises UnknownNotification when `since` is not one of the recipient's.
    """
    until = clock.store_now() + LOOK_AHEAD
    if since is None:
        rows = await notifications.after(recipient_id, since=None, until=until, limit=limit + 1)
        return _missed([], [], rows, [], limit)
    named = await notifications.find(recipient_id, since)
    if named is None:
        raise UnknownNotification(since)
    window = named.created_at - LOOK_BACK
    edge = named.created_at + timedelta(milliseconds=1)
    behind = await notifications.after(recipient_id, since=window, until=edge, limit=LATE_ROWS)
    ahead = await notifications.after(recipient_id, since=edge, until=until, limit=limit + 1)
    changed = await notifications.changed(recipient_id, since=window, before=edge, limit=CHANGES)
    late = [row for row in behind if _is_missed(row, named, already_sent)]
    return _missed(behind, late, ahead, changed, limit)


def answer_to_sync(missed: Missed, names: Names, unread_count: int, ref: frames.Ref) -> bytes:
    """Return the frame that tells a client what it missed."""
    return frames.synced(
        notifications=[frames.synced_notification(row, names) for row in missed.rows],
        changed=[
            {"id": change.id, "is_read": change.is_read, "is_deleted": change.is_deleted}
            for change in missed.changed
        ],
        has_more=missed.has_more,
        unread_count=unread_count,
        ref=ref,
    )


def _missed(
    behind: Sequence[NotificationRow],
    late: Sequence[NotificationRow],
    ahead: Sequence[NotificationRow],
    changed: list[Change],
    limit: int,
) -> Missed:
    """Cut what is ahead to `limit` and to the size of a page; all that is late comes with it.

    So a page that has more ends ahead of the named row, and who goes on from it gets forward.
    """
    fitting = _fitting(ahead[:limit])
    rows = [*late, *fitting]
    return Missed(
        rows=rows,
        changed=changed,
        has_more=len(ahead) > len(fitting),
        known=frozenset(row.id for row in (*behind, *rows)),
    )


def _fitting(rows: Sequence[NotificationRow]) -> Sequence[NotificationRow]:
    """Return as many of `rows` as a page holds, one at least."""
    size = 0
    for place, row in enumerate(rows):
        size += ROW_BYTES + len(row.title) + len(row.message) + len(to_json(row.data))
        if size > PAGE_BYTES and place > 0:
            return rows[:place]
    return rows


def _is_missed(row: NotificationRow, named: NotificationRow, already_sent: Container[UUID]) -> bool:
    """Tell whether the client who saw `named` may not have seen `row`, positioned near it."""
    if (row.created_at, row.id) > (named.created_at, named.id):
        return True
    if row.id == named.id or row.id in already_sent:
        return False
    return row.writer != named.writer or row.created_at >= named.floor
