"""Turn notices into notifications that are stored, announced and queued.

The order is insert, deliver here and by the bus, queue; whoever calls moves the cursor or finishes
the event last. A kill in between leaves the batch to be done again: the ids are the same, so
nothing is inserted twice, and what was announced already is dropped by the user actors.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeAlias
from uuid import UUID

from actors.bus_face import BusFace
from actors.cap_gate import CapGate
from actors.directory import Directory
from actors.draft import Draft, FirstRows
from actors.frames import Announcement, RowsAnnounced
from actors.notice import Notice
from rules.kinds import Channel
from storage.collection import portions
from storage.names import NameResolver, Names
from storage.notifications import NotificationRow, NotificationsRepository
from storage.positions import PositionClock
from tasks.queue import DeliveryRef, Priority

_IN_ORDER = (Priority.CRITICAL, Priority.USUAL, Priority.CAMPAIGN)

DELIVERED_AT_ONCE = 100
"""Rows: what follows, users' actors and their sockets, holds the loop for about 5 ms then."""


class Queue(Protocol):
    """The queue's face: ids of what workers have to send."""

    def enqueue(self, refs: Sequence[DeliveryRef], *, priority: Priority = Priority.USUAL) -> int:
        """Put `refs` on the queue and return how many it took; may block on the network."""


@dataclass(frozen=True, slots=True)
class Published:
    """What became of a batch: notice by notice, and in each one recipient by recipient.

    A row that was there before, from an earlier try, is as it was then and has moved on since;
    its draft says what the gates would have now.
    """

    drafts: Sequence[Draft] = ()
    rows: Sequence[NotificationRow] = ()
    refused: Sequence[Draft] = ()
    """Those of which nothing was made."""

    resumed: Sequence[tuple[Draft, NotificationRow]] = ()
    """Those that an earlier try had inserted."""

    store_s: float = 0.0
    """Seconds that the insert took."""

    names: Names | None = None
    """Of whom the rows are from, where there are any."""


OnTold: TypeAlias = Callable[[Published], None]
"""Is told of rows once they are stored, and told to everybody who is connected, or on their way."""


class Publisher:
    """The way of one batch from recipients to sockets and queue."""

    def __init__(
        self,
        *,
        notifications: NotificationsRepository,
        names: NameResolver,
        clock: PositionClock,
        directory: Directory,
        bus: BusFace,
        caps: CapGate,
        queue: Queue,
        writer: str,
    ) -> None:
        self._notifications = notifications
        self._names = names
        self._clock = clock
        self._directory = directory
        self._bus = bus
        self._caps = caps
        self._queue = queue
        self._writer = writer

    async def publish(self, notices: Sequence[Notice], on_told: OnTold | None = None) -> Published:
        """Tell the recipients of all `notices`, by one insert.

        `on_told` is called before the queue is told, if anything is stored.
        Raises StoreUnavailable with nothing announced.
        """
        now = self._clock.store_now()
        drafts = [draft for notice in notices for draft in Draft.all_of(notice, at=now)]
        await _give_way(len(drafts))
        async with self._caps.passed(drafts, at=now) as reserved:
            published = await self.publish_decided(drafts, on_told)
        await self._caps.give_back(reserved, published.resumed)
        return published

    async def publish_decided(
        self, decided: Sequence[Draft], on_told: OnTold | None = None
    ) -> Published:
        """Tell what is decided already, those of one notice together; as `publish` otherwise."""
        refused = tuple(draft for draft in decided if draft.is_refused)
        drafts = [draft for draft in decided if not draft.is_refused] if refused else decided
        if not drafts:
            return Published(refused=refused)
        contents = {id(draft.notice): draft.notice.content for draft in drafts}.values()
        names = await self._names.resolve(
            users=(content.sender_id for content in contents),
            businesses=(content.business_id for content in contents),
        )
        places = _places(drafts)
        with self._clock.writing(max(places) + 1) as position:
            first = FirstRows(self._writer)
            rows = [
                first.of(draft, position.at(place))
                for draft, place in zip(drafts, places, strict=True)
            ]
            await _give_way(len(rows))
            began = time.monotonic()
            stored = await self._notifications.insert(rows)
            store_s = time.monotonic() - began
            announcements = list(_announcements(drafts, rows, stored, names, after_s=began))
            await self._deliver(announcements)
            resumed = [
                (draft, kept)
                for draft, row, kept in zip(drafts, rows, stored, strict=True)
                if kept is not row
            ]
            published = Published(drafts, stored, refused, resumed, store_s, names)
            if not await self._bus.announce(announcements):
                self._clock.doubt(position)
            if on_told is not None:
                on_told(published)
        await self._enqueue(stored)
        return published

    async def _deliver(self, announcements: Sequence[RowsAnnounced]) -> None:
        """Tell who is here, and let the loop have its turn in between."""
        delivered = 0
        for announcement, rows in announcements:
            for some in portions(rows, DELIVERED_AT_ONCE):
                if delivered >= DELIVERED_AT_ONCE:
                    delivered = 0
                    # Users' actors write to their sockets before more of them are told.
                    await asyncio.sleep(0)
                delivered += len(some)
                self._directory.deliver(some, announcement)

    async def _enqueue(self, stored: Sequence[NotificationRow]) -> None:
        by_priority: dict[Priority, list[DeliveryRef]] = {each: [] for each in _IN_ORDER}
        # Rows that are alike share their channels.
        queued: dict[int, list[Channel]] = {}
        for row in stored:
            channels = queued.get(id(row.channels))
            if channels is None:
                channels = queued[id(row.channels)] = _queued(row)
            if channels:
                by_priority[_priority(row)] += (
                    DeliveryRef(channel, row.recipient_id, row.id) for channel in channels
                )
        for priority, refs in by_priority.items():
            if refs:
                await asyncio.to_thread(self._queue.enqueue, refs, priority=priority)


async def _give_way(made: int) -> None:
    """Let the loop have its turn where so many were made that others have waited for it."""
    if made > DELIVERED_AT_ONCE:
        await asyncio.sleep(0)


def _queued(row: NotificationRow) -> list[Channel]:
    return [
        Channel(channel) for channel, state in row.channels.items() if state["status"] == "queued"
    ]


def _priority(row: NotificationRow) -> Priority:
    if row.priority == "critical":
        return Priority.CRITICAL
    return Priority.USUAL if row.campaign_id is None else Priority.CAMPAIGN


def _places(drafts: Sequence[Draft]) -> list[int]:
    """Return how many of a recipient's drafts come before each: what is read in order stays so.

    One notice has each recipient once.
    """
    if drafts[0].notice is drafts[-1].notice:
        return [0] * len(drafts)
    seen: dict[UUID, int] = {}
    places = []
    for draft in drafts:
        place = seen.get(draft.recipient.user_id, 0)
        seen[draft.recipient.user_id] = place + 1
        places.append(place)
    return places


def _announcements(
    drafts: Sequence[Draft],
    rows: Sequence[NotificationRow],
    stored: Sequence[NotificationRow],
    names: Names,
    *,
    after_s: float,
) -> Iterator[RowsAnnounced]:
    """Yield what to announce, each with its rows: one a notice, unless some were stored before.

    Those of an earlier try keep their own position, and when that was is not known; `after_s` is
    when the others began to be inserted.
    """
    announced: dict[tuple[int, datetime, bool], list[NotificationRow]] = {}
    for draft, row, kept in zip(drafts, rows, stored, strict=True):
        announced.setdefault((id(draft.notice), kept.created_at, kept is row), []).append(kept)
    for (_, _, is_new), alike in announced.items():
        yield Announcement(alike[0], names, stored_after_s=after_s if is_new else None), alike
