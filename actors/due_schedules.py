"""Make events of schedules whose time has come; from there on they go the way of all events.

What is due now comes first, and then some of what has been due for longer, so that a backlog
after an outage holds up nothing that comes after it; of both what is urgent comes first. Of what
they find, several processes take that of their own share first (rules/share.py), or all would reach
for the same, and all but one in vain.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from actors.planning import happening
from rules.due_keys import RangeSizer, key_from
from rules.share import WHOLE, Share
from rules.slots import SLOTS, slot_of
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

OTHERS_AFTER = timedelta(seconds=0.25)
"""How long what is due is left to the process whose share it is in."""

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


@dataclass(frozen=True, slots=True)
class _Turn:
    """As of when things are carried out, and which of them this process takes first."""

    accept: Accepting
    by: datetime
    share: Share

    def ours(self, found: Iterable[Due]) -> list[UUID]:
        """Return what is due and in the share of this process."""
        return [each.id for each in found if each.at <= self.by and self._is_ours(each)]

    def left_by_others(self, found: Iterable[Due]) -> list[UUID]:
        """Return what is in the share of another one, which has had its time to take it."""
        return [
            each.id
            for each in found
            if each.at + OTHERS_AFTER <= self.by and not self._is_ours(each)
        ]

    def next_at(self, found: Iterable[Due]) -> datetime | None:
        """Return when to look again: for what is ours and not due yet, or not taken by others."""
        ours = (each.at for each in found if self._is_ours(each))
        others = (
            each.at + OTHERS_AFTER
            for each in found
            if each.at <= self.by and not self._is_ours(each)
        )
        return min((at for at in (*ours, *others) if at > self.by), default=None)

    def _is_ours(self, each: Due) -> bool:
        return self.share.has(slot_of(each.id))


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

    `note` is called with how late each schedule became an event, `share` for what this process
    takes first.
    """

    def __init__(
        self,
        schedules: SchedulesRepository,
        clock: PositionClock,
        *,
        note: Noting = lambda _: None,
        most_in_range: int = MOST_IN_RANGE,
        look_back_every: timedelta = LOOK_BACK_EVERY,
        share: Callable[[], Share] = lambda: WHOLE,
    ) -> None:
        self._schedules = schedules
        self._clock = clock
        self._note = note
        self._most = most_in_range
        self._look_back_every = look_back_every
        self._share = share
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
        turn = _Turn(accept, by, self._share())
        recent = [await self._recent(line, turn, by + look_ahead) for line in self._lines]
        backlog = [await self._backlog(line, turn) for line in self._lines]
        for line, now, before in zip(self._lines, recent, backlog, strict=True):
            if not (now.has_more or before.has_more):
                # What is left to others is behind it: whoever is to take it may be killed.
                line.looked_to = max(line.looked_to, line.key(by - OTHERS_AFTER))
        shares = (*recent, *backlog)
        return CarriedOut(
            sum(share.count for share in shares),
            min((share.next_at for share in shares if share.next_at), default=None),
            has_more=any(share.has_more for share in shares),
        )

    async def _recent(self, line: _Line, turn: _Turn, ahead_to: datetime) -> CarriedOut:
        """Carry out a share of what has become due lately."""
        count = 0
        waits: list[datetime] = []
        ranges = self._ranges(line.recent, line.key(turn.by - RECENT), line.key(ahead_to) + SLOTS)
        async for _, found in ranges:
            count += await self._become_events(found, turn)
            if next_at := turn.next_at(found):
                waits.append(next_at)
            if waits and any(each.at > turn.by for each in found):
                break
            if count >= self._most:
                return CarriedOut(count, None, has_more=True)
        return CarriedOut(count, min(waits, default=None), has_more=False)

    async def _backlog(self, line: _Line, turn: _Turn) -> CarriedOut:
        """Carry out a share of what was due before that and has not been looked through."""
        count = 0
        recent_from = line.key(turn.by - RECENT)
        async for looked_to, found in self._ranges(line.backlog, line.looked_to, recent_from):
            count += await self._become_events(found, turn)
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

    async def _become_events(self, found: Sequence[Due], turn: _Turn) -> int:
        """Make events of what is due: of ours while others do theirs, then of what they left."""
        count = 0
        for ids in (turn.ours(found), turn.left_by_others(found)):
            for some in portions(ids, PORTION):
                count += await self._claim(some, turn)
        return count

    async def _claim(self, ids: Sequence[UUID], turn: _Turn) -> int:
        now = self._clock.store_now()
        claimed = await self._schedules.claim(ids, by=turn.by, now=now)
        if claimed:
            await turn.accept([happening(each.event, by=turn.by, now=now) for each in claimed])
            await self._schedules.sent(claimed)
            for each in claimed:
                self._note((now - each.at).total_seconds())
        return len(claimed)
