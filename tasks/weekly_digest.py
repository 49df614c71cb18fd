"""Have the digest of a week told in every time zone when it is Monday 08:00 there.

Each zone's is an event of its own, whose key comes out the same however often it is made. It is
planned ahead, so that a server process carries it out to the second; what was not, because nobody
was there to plan it, is made an event when it is found, if it still helps.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from rules.events import lane_of
from rules.ids import digest_key, schedule_id
from rules.timezones import TIMEZONES, zone_of
from rules.weekly_digest import Week, next_week, week_due
from storage.event_rows import NewEvent
from storage.schedules import PlannedEvent

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime
    from uuid import UUID

    from storage.events import EventsRepository
    from storage.positions import PositionClock
    from storage.schedules import SchedulesRepository

DUE = "weekly_digest.due"

PLAN_AHEAD = timedelta(hours=2)


@dataclass(frozen=True, slots=True)
class Weeks:
    """In how many time zones a week's digest was made due, and in how many it is planned."""

    due: int
    planned: int

    def __bool__(self) -> bool:
        """Tell whether there was any."""
        return bool(self.due or self.planned)

    def __str__(self) -> str:
        """Return it in words."""
        return f"{self.due} time zones due, {self.planned} planned"


class WeeklyDigests:
    """Makes the events by which digests are told."""

    def __init__(
        self,
        events: EventsRepository,
        schedules: SchedulesRepository,
        clock: PositionClock,
        *,
        timezones: Collection[str] = TIMEZONES,
    ) -> None:
        self._events = events
        self._schedules = schedules
        self._clock = clock
        self._timezones = sorted(timezones)
        self._made: set[UUID] = set()
        """Keys of what this process knows to be due or planned."""

    async def run(self, as_of: datetime) -> Weeks:
        """Make events of what is due as of then, and plan what is due soon after."""
        now = self._clock.store_now()
        due: dict[UUID, NewEvent] = {}
        soon: dict[UUID, PlannedEvent] = {}
        for name in self._timezones:
            zone = zone_of(name)
            if week := week_due(zone, as_of):
                # As long as it helps at the time that it is to be as of.
                event = _event(name, week, until=now + (week.until - as_of))
                due[event.key] = event
            elif (week := next_week(zone, as_of)).due_at <= as_of + PLAN_AHEAD:
                event = _event(name, week, until=week.until)
                planned_as = schedule_id(DUE, f"{name} {week.monday}")
                soon[event.key] = PlannedEvent(id=planned_as, at=week.due_at, event=event)
        accepted = await self._events.accept(
            [event for key, event in due.items() if key not in self._made],
            accepted_at=self._clock.store_now(),
        )
        planned = await self._schedules.plan(
            [each for key, each in soon.items() if key not in self._made]
        )
        self._made = {*due, *soon}
        return Weeks(len(accepted), planned)


def _event(timezone: str, week: Week, *, until: datetime) -> NewEvent:
    return NewEvent(
        key=digest_key(week.monday, timezone),
        sender=digest_key(week.monday),
        event_id=timezone,
        type=DUE,
        occurred_at=week.due_at,
        data={
            "timezone": timezone,
            "monday": week.monday.isoformat(),
            "until": until.isoformat(),
        },
        lane=lane_of(DUE).value,
    )
