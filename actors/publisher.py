"""Turn a batch of recipients into notifications that are stored, announced and queued.

The order is insert, deliver, queue; whoever calls moves the cursor last. A kill in between leaves
the batch to be done again: the ids are the same, so nothing is inserted twice, and what was
announced already is dropped by the user actors.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from actors.directory import Directory
from actors.flows.content import Content
from actors.frames import Announcement
from rules.gates import NOW, Decision, Later, Refused, decide
from rules.ids import notification_id
from rules.kinds import Channel
from rules.recipients import Recipient
from storage.events import StoredEvent
from storage.names import NameResolver, Names
from storage.notifications import NotificationRow, NotificationsRepository
from storage.positions import Position, PositionClock
from tasks.queue import DeliveryRef

REDELIVER_AFTER = timedelta(seconds=60)
"""A delivery that the queue forgot is found by the sweep this long after its insert."""


class Queue(Protocol):
    """The queue's face: ids of what workers have to send."""

    def enqueue(self, refs: Sequence[DeliveryRef]) -> int:
        """Put `refs` on the queue and return how many it took; may block on the network."""


class Publisher:
    """The way of one batch from recipients to sockets and queue."""

    def __init__(
        self,
        *,
        notifications: NotificationsRepository,
        names: NameResolver,
        clock: PositionClock,
        directory: Directory,
        queue: Queue,
        writer: str,
    ) -> None:
        self._notifications = notifications
        self._names = names
        self._clock = clock
        self._directory = directory
        self._queue = queue
        self._writer = writer

    async def publish(
        self, event: StoredEvent, content: Content, recipients: Sequence[Recipient]
    ) -> float:
        """Tell `recipients` what `event` leads to; return the seconds the store took.

        Raises StoreUnavailable with nothing announced.
        """
        if not recipients:
            return 0.0
        names = await self._names.resolve(
            users=[content.sender_id], businesses=[content.business_id]
        )
        with self._clock.writing() as position:
            rows = [self._row(event, content, position, recipient) for recipient in recipients]
            began = time.monotonic()
            stored = await self._notifications.insert(rows)
            store_s = time.monotonic() - began
            self._announce(stored, names)
        refs = [
            DeliveryRef(Channel(channel), row.recipient_id, row.id)
            for row in stored
            for channel, state in row.channels.items()
            if state["status"] == "queued"
        ]
        if refs:
            await asyncio.to_thread(self._queue.enqueue, refs)
        return store_s

    def _announce(self, stored: Sequence[NotificationRow], names: Names) -> None:
        """Deliver rows as they are stored: those of an earlier try keep their own position."""
        by_position: dict[datetime, list[NotificationRow]] = {}
        for row in stored:
            by_position.setdefault(row.created_at, []).append(row)
        for rows in by_position.values():
            self._directory.deliver(rows, Announcement(rows[0], names))

    def _row(
        self, event: StoredEvent, content: Content, position: Position, recipient: Recipient
    ) -> NotificationRow:
        decisions = decide(
            kind=content.kind,
            channels=content.kind.channels,
            business_id=content.business_id,
            recipient=recipient,
            at=position.created_at,
            is_critical=content.priority == "critical",
        )
        return NotificationRow(
            id=notification_id(event.key, content.kind.name, recipient.user_id, event.accepted_at),
            recipient_id=recipient.user_id,
            event_id=event.key,
            kind=content.kind.name,
            writer=self._writer,
            created_at=position.created_at,
            floor=position.floor,
            in_app=decisions.get(Channel.IN_APP) is NOW,
            title=content.title,
            message=content.message,
            data=content.data,
            action_buttons=content.action_buttons,
            image_url=content.image_url,
            priority=content.priority,
            business_id=content.business_id,
            sender_id=content.sender_id,
            channels={
                channel.value: _state(channel, decision, position.created_at)
                for channel, decision in decisions.items()
            },
        )


def _state(channel: Channel, decision: Decision, created_at: datetime) -> dict[str, Any]:
    """Return a channel's first state: refused and why, deferred, done, or due if the queue forgets.

    What is deferred is not queued: it waits in the store until it is due.
    """
    match decision:
        case Refused(reason):
            return {"status": "suppressed", "reason": reason.value}
        case Later(until):
            return {
                "status": "deferred",
                "reason": decision.reason,
                "attempts": 0,
                "due_at": until,
            }
    if channel is Channel.IN_APP:
        return {"status": "delivered"}
    return {"status": "queued", "attempts": 0, "due_at": created_at + REDELIVER_AFTER}
