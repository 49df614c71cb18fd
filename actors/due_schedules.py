"""Make events of schedules whose time has come; from there on they go the way of all events.

What is due now comes first, and then a share of what has been due for longer, so that a backlog
after an outage holds up nothing that comes after it; of both what is urgent comes first.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from actors.planning import happening
from rules.due_keys import RangeSizer, key_from
from rules.slots import SLOTS
from storage.collection import portions
from storage.events import NewEvent
from storage.positions import PositionClock
from storage.schedules import KEPT, Due, SchedulesRepository

MOST_IN_RANGE = 100
"""Schedules of one query, and of a share: what is urgent waits no longer than one takes."""

PORTION = 100
"""Schedules of one claim and one insert of events."""

RECENT = timedelta(seconds=60)
"""What was due for longer is the backlog. More than clocks differ and a plan takes to be stored."""

LOOK_BACK_EVERY = timedelta(minutes=15)
"""How often all is looked through, in case that something was planned far in the past."""

HORIZON = KEPT + timedelta(days=1)
"""The store itself removes what has been due for longer."""

Accepting = Callable[[Sequence[NewEvent]], Awaitable[object]]
"""Makes events durable."""

Noting = Callable[[float], object]
"""Takes note of how late a schedule became an event, in seconds."""


@dataclass(frozen=True, slots=True)
class CarriedOut:
    """How many schedules are events by now, and when the next one known is due."""

    count: int
    next_at: datetime | None
    has_more: bool
    """Whether there may be more that are due already."""


@dataclass(slots=True)
class _Line:
    """What is urgent, or what is not, with how far it has been looked through."""

    is_urgent: bool
    recent: RangeSizer
    backlog: RangeSizer
    looked_to: int = 0
    """The key below which nothing is due."""

    def key(self, at: datetime) -> int:
        return key_from(at, is_urgent=self.is_urgent)


class DueSchedules:
    """Carries out what is due, beside whoever else is doing so.

    `note` is called with how late each schedule became an event.
    """

    def __init__(
        self,
        schedules: SchedulesRepository,
        clock: PositionClock,
        *,
        note: Noting = lambda _: None,
        most_in_range: int = MOST_IN_RANGE,
        look_back_every: timedelta = LOOK_BACK_EVERY,
    ) -> None:
        self._schedules = schedules
        self._clock = clock
        self._note = note
        self._most = most_in_range
        self._look_back_every = look_back_every
        self._lines = [
            _Line(is_urgent, RangeSizer(most_in_range), RangeSizer(most_in_range))
            for is_urgent in (True, False)
        ]
        self._look_back_at: datetime | None = None

    async def carry_out(
        self, accept: Accepting, *, by: datetime, look_ahead: timedelta = timedelta()
    ) -> CarriedOut:
        """Make events of a share of what is due by then, and look for the next within `look_ahead`.

        A kill at any moment leaves what was claimed to be due again, and the same events to be
        accepted, which the store has or has not.
        """
        if self._look_back_at is None or by >= self._look_back_at:
            self._look_back_at = by + self._look_back_every
            for line in self._lines:
                line.looked_to = line.key(by - HORIZON)
        recent = [await self._recent(line, accept, by, look_ahead) for line in self._lines]
        backlog = [await self._backlog(line, accept, by) for line in self._lines]
        for line, now, before in zip(self._lines, recent, backlog, strict=True):
            if not (now.has_more or before.has_more):
                line.looked_to = max(line.looked_to, line.key(by))
        shares = (*recent, *backlog)
        return CarriedOut(
            sum(share.count for share in shares),
            min((share.next_at for share in shares if share.next_at), default=None),
            has_more=any(share.has_more for share in shares),
        )

    async def _recent(
        self, line: _Line, accept: Accepting, by: datetime, look_ahead: timedelta
    ) -> CarriedOut:
        """Carry out a share of what has become due lately."""
        count = 0
        last = line.key(by + look_ahead) + SLOTS
        async for _, found in self._ranges(line.recent, line.key(by - RECENT), last):
            count += await self._become_events(found, accept, by)
            ahead = [each.at for each in found if each.at > by]
            if ahead:
                return CarriedOut(count, min(ahead), has_more=False)
            if count >= self._most:
                return CarriedOut(count, None, has_more=True)
        return CarriedOut(count, None, has_more=False)

    async def _backlog(self, line: _Line, accept: Accepting, by: datetime) -> CarriedOut:
        """Carry out a share of what was due before that and has not been looked through."""
        count = 0
        recent_from = line.key(by - RECENT)
        async for looked_to, found in self._ranges(line.backlog, line.looked_to, recent_from):
            count += await self._become_events(found, accept, by)
            line.looked_to = looked_to
            if count >= self._most:
                return CarriedOut(count, None, has_more=looked_to < recent_from)
        return CarriedOut(count, None, has_more=False)

    async def _ranges(
        self, sizer: RangeSizer, first: int, last: int
    ) -> AsyncIterator[tuple[int, list[Due]]]:
        """Yield what is due by key, some at a time, each with the key up to which that was all."""
        while first < last:
            until = min(last, first + sizer.width)
            limit = None if sizer.is_narrowest else self._most
            found = await self._schedules.due(first=first, last=until, limit=limit)
            if sizer.fits(len(found)):
                yield until, found
                first = until

    async def _become_events(self, found: Sequence[Due], accept: Accepting, by: datetime) -> int:
        count = 0
        for some in portions((each.id for each in found if each.at <= by), PORTION):
            now = self._clock.store_now()
            claimed = await self._schedules.claim(some, by=by, now=now)
            if claimed:
                await accept([happening(each.event, by=by, now=now) for each in claimed])
                await self._schedules.sent(claimed)
                for each in claimed:
                    self._note((now - each.at).total_seconds())
                count += len(claimed)
        return count
