"""Plan events that are to happen later, and withdraw what is no longer to happen.

    planning.plan([planned_event("pickup.hour", interaction_id, type=..., at=..., ...)])

Planning the same purpose of the same subject again replaces it, if by a higher version. When its
time has come it becomes an event like all others; whoever carries that out reads again whether it
is still so, because what happens is not withdrawn in the moment in which it no longer should.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from actors.tally import Tally
from rules.events import lane_of
from rules.ids import event_key, schedule_id
from storage.events import NewEvent
from storage.positions import PositionClock
from storage.schedules import PlannedEvent, SchedulesRepository

AS_OF = "as_of"
"""In the data of an event that was carried out ahead of its time."""


class Planning:
    """Plans; `on_planned` is called with the time of the earliest."""

    def __init__(
        self,
        schedules: SchedulesRepository,
        on_planned: Callable[[datetime], None],
        clock: PositionClock,
        tally: Tally,
    ) -> None:
        self._schedules = schedules
        self._on_planned = on_planned
        self._clock = clock
        self._tally = tally

    async def plan(self, planned: Iterable[PlannedEvent]) -> None:
        """Plan these; one of an older version than what is planned changes nothing.

        What should have happened already happens now: whoever looks for what is due has looked
        through the past.
        """
        now = self._clock.store_now()
        events = [replace(each, at=max(each.at, now)) for each in planned]
        if events:
            self._tally.schedules_planned += await self._schedules.plan(events)
            self._on_planned(min(each.at for each in events))

    async def withdraw(self, versions: Mapping[UUID, int]) -> None:
        """Withdraw those of id -> version that an older version planned."""
        self._tally.schedules_withdrawn += await self._schedules.withdraw(versions)


def planned_event(
    purpose: str,
    subject_id: str,
    *,
    type: str,  # noqa: A002 (as events call it)
    at: datetime,
    version: int,
    data: Mapping[str, Any],
    is_critical: bool = False,
) -> PlannedEvent:
    """Return the event of `type` that is to happen at `at`, another one for each version."""
    planned_as = schedule_id(purpose, subject_id)
    return PlannedEvent(
        id=planned_as,
        at=at,
        version=version,
        event=NewEvent(
            key=event_key(planned_as, str(version)),
            sender=planned_as,
            event_id=str(version),
            type=type,
            occurred_at=at,
            data=dict(data),
            lane=lane_of(type, is_critical=is_critical).value,
        ),
    )


def happening(event: NewEvent, *, by: datetime, now: datetime) -> NewEvent:
    """Return a planned event whose time has come `by` then: by hand that may be ahead of now."""
    return replace(event, data={**event.data, AS_OF: by.isoformat()}) if by > now else event


def as_of(data: Mapping[str, Any]) -> datetime | None:
    """Return as of when the event of `data` happens, None for now."""
    at = data.get(AS_OF)
    return None if at is None else datetime.fromisoformat(at)
