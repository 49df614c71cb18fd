"""Make events of schedules whose time has come; from there on they go the way of all events."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from actors.flows.direct_sends import scheduled_event
from storage.collection import portions
from storage.events import NewEvent
from storage.positions import PositionClock
from storage.schedules import SchedulesRepository

FOUND_AT_ONCE = 5_000
"""The embedded store reads all that are due however few are asked for, so many are asked for."""

PORTION = 100
"""Schedules of one claim and one insert of events."""

Accepting = Callable[[Sequence[NewEvent]], Awaitable[object]]
"""Makes events durable."""


@dataclass(frozen=True, slots=True)
class CarriedOut:
    """How many schedules are events by now, and when the next one known is due."""

    count: int
    next_at: datetime | None
    has_more: bool
    """Whether there may be more that are due already."""


class DueSchedules:
    """Carries out what is due, beside whoever else is doing so."""

    def __init__(
        self,
        schedules: SchedulesRepository,
        clock: PositionClock,
        *,
        found_at_once: int = FOUND_AT_ONCE,
    ) -> None:
        self._schedules = schedules
        self._clock = clock
        self._found_at_once = found_at_once

    async def carry_out(
        self, accept: Accepting, *, by: datetime, look_ahead: timedelta = timedelta()
    ) -> CarriedOut:
        """Make events of what is due by then, and look for the next one within `look_ahead`.

        A kill at any moment leaves what was claimed to be due again, and the same events to be
        accepted, which the store has or has not.
        """
        found = await self._schedules.due(by=by + look_ahead, limit=self._found_at_once)
        due = [schedule_id for schedule_id, at in found if at <= by]
        count = 0
        for some in portions(due, PORTION):
            claimed = await self._schedules.claim(some, by=by, now=self._clock.store_now())
            if claimed:
                await accept([scheduled_event(each) for each in claimed])
                await self._schedules.sent([each.schedule.id for each in claimed])
                count += len(claimed)
        return CarriedOut(
            count,
            next((at for _, at in found if at > by), None),
            has_more=len(due) == self._found_at_once,
        )
