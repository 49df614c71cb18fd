"""Cut shares off a large fan-out, for processes that have nothing of the kind to do.

A share is an event of its own, of the same type and data, which begins at a cursor and ends before
another. So it is claimed, carried out, taken over and finished as any other, each with its own
cursor, and a fan-out has as many as there are processes to take them: there is never more than one
that nobody has.

The share is stored before the fan-out is shortened by it. Killed in between, both tell the same,
which tells nobody twice, because the ids are the same.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta

from actors.flows.audience import Stretch
from rules.events import Lane
from rules.lease import Lease
from storage.event_rows import StoredEvent, share_of
from storage.events import EventsRepository
from storage.positions import PositionClock

IN_HAND = 1
"""Shares that one process has: the others are for others."""

FEWEST_ROWS = 2_000
"""What is left has to be this much to be shared: who takes a share does so within a second."""

OFFERED_FOR = timedelta(seconds=10)
"""Until then a share is for those who tell nobody else, then for whoever has room."""

LOOK_EVERY_S = 0.5
"""How often it is looked whether the last share is taken."""


class Shares:
    """The shares of one fan-out that is carried out here."""

    def __init__(
        self,
        event: StoredEvent,
        stretch: Stretch,
        *,
        events: EventsRepository,
        clock: PositionClock,
        lease: Lease,
        is_alone: Callable[[], bool],
    ) -> None:
        self._event = event
        self._stretch = stretch
        self._events = events
        self._clock = clock
        self._lease = lease
        self._is_alone = is_alone
        self._begun_at = stretch.cursor
        self._rows = 0
        self._looked_at_s = 0.0

    async def offer(self, *, rows: int, end: int) -> None:
        """Having read `rows` more, offer half of what is left to `end`, if it is worth it.

        Raises Fenced.
        """
        self._rows += rows
        now_s = time.monotonic()
        if self._is_alone() or now_s < self._looked_at_s + LOOK_EVERY_S:
            return
        self._looked_at_s = now_s
        stretch = self._stretch
        until = min(stretch.until, end)
        left = until - stretch.read_until
        # Cursors pass people evenly, so what is left is as dense as what was read.
        if left < 2 or left * self._rows < FEWEST_ROWS * (stretch.cursor - self._begun_at):
            return
        if await self._events.has_unowned(Lane.SHARE):
            return
        middle = until - left // 2
        share = share_of(
            self._event,
            cursor=middle,
            until=until,
            lane=Lane.SHARE.value,
            retry_at=self._clock.store_now() + OFFERED_FOR,
        )
        await self._events.accept([share], accepted_at=self._event.accepted_at)
        await self._events.shorten(self._event.key, self._lease, middle)
        stretch.until = middle
