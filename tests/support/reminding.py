"""Pickups, their schedules and their reminders over a real store, by a clock that tests move."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from actors.due_schedules import DueSchedules
from actors.flows.pickups import Pickups
from actors.flows.plan import Plan
from actors.flows.reminders import PickupReminders
from actors.planning import Planning
from actors.tally import Tally
from rules.events import lane_of
from rules.ids import event_key, notification_id
from storage.events import NewEvent, StoredEvent
from storage.positions import PositionClock
from storage.schedules import PlannedEvent
from storage.stores import Stores

PLATFORM = UUID(int=5)

A_LIFE = timedelta(days=365)
"""The past is looked through when a process begins; again and again would take a test long."""


class MovedClock(PositionClock):
    """A clock that shows what it is set to."""

    def __init__(self, at: datetime) -> None:
        super().__init__()
        self.at = at

    def store_now(self) -> datetime:
        """Return the time it is set to."""
        return self.at


class Killed(Exception):
    """The process ends here."""


class _Dying(Planning):
    async def plan(self, planned: Iterable[PlannedEvent]) -> None:
        raise Killed


@dataclass(slots=True)
class Told:
    """What recipients have been told: a notification's id is in the store once."""

    ids: set[UUID] = field(default_factory=set)
    count: Counter[tuple[str, str, datetime]] = field(default_factory=Counter)
    """By order, reminder and the time of the pickup."""


class Reminding:
    """The parts between an event of a pickup and what its user is told."""

    def __init__(self, stores: Stores, at: datetime) -> None:
        self.stores = stores
        self.clock = MovedClock(at)
        self.planned_at: list[datetime] = []
        self.tally = Tally()
        self.told = Told()
        self.plans: list[Plan] = []
        self.unfinished: list[StoredEvent] = []
        """Events that are durable and not carried out."""

        self.restart()

    def restart(self) -> None:
        """Begin with nothing but what is in the store."""
        stores = self.stores
        planning = Planning(stores.schedules, self.planned_at.append, self.clock, self.tally)
        self.pickups = Pickups(stores.pickups, planning, self.clock)
        self.reminders = PickupReminders(stores.pickups, stores.businesses, self.clock)
        self.due = DueSchedules(stores.schedules, self.clock, look_back_every=A_LIFE)

    def event(
        self, type_: str, data: dict[str, Any], *, occurred_at: datetime | None = None
    ) -> StoredEvent:
        """Return an event of the platform, accepted now."""
        event_id = uuid4().hex
        return NewEvent(
            key=event_key(PLATFORM, event_id),
            sender=PLATFORM,
            event_id=event_id,
            type=type_,
            occurred_at=occurred_at or self.clock.at,
            data=data,
            lane=lane_of(type_).value,
        ).stored(self.clock.at)

    async def hear(self, *events: StoredEvent) -> None:
        """Carry out events of pickups."""
        await self.pickups.plan(events)

    async def hear_and_die(self, *events: StoredEvent) -> None:
        """Store what events say of pickups, and be killed before anything is planned."""
        planning = _Dying(self.stores.schedules, self.planned_at.append, self.clock, self.tally)
        with contextlib.suppress(Killed):
            await Pickups(self.stores.pickups, planning, self.clock).plan(events)
        self.restart()

    async def look(self, *, by: datetime | None = None, killed_at: int | None = None) -> None:
        """Carry out what is due now, up to the step at which the process is killed, if it is.

        Steps: claimed, accepted, told, published.
        """
        try:
            has_more = True
            while has_more:
                done = await self.due.carry_out(self._accepting(killed_at), by=by or self.clock.at)
                has_more = done.has_more
            await self._carry_out(killed_at)
        except Killed:
            self.restart()

    def _accepting(self, killed_at: int | None) -> Any:
        async def accept(events: Sequence[NewEvent]) -> None:
            _die_at(0, killed_at)
            new = await self.stores.events.accept(events, accepted_at=self.clock.at)
            self.unfinished += [event.stored(self.clock.at) for event in events if event.key in new]
            _die_at(1, killed_at)

        return accept

    async def _carry_out(self, killed_at: int | None) -> None:
        plans = await self.reminders.plan(self.unfinished)
        _die_at(2, killed_at if self.unfinished else None)
        for event, plan in zip(self.unfinished, plans, strict=True):
            assert isinstance(plan, Plan)
            if plan.tells:
                self.plans.append(plan)
            for tell in plan.tells:
                self._publish(event, tell.content.kind.name, tell.recipient_ids)
        _die_at(3, killed_at if self.unfinished else None)
        self.unfinished = []

    def _publish(self, event: StoredEvent, kind: str, recipients: Sequence[UUID]) -> None:
        said = event.data
        for recipient in recipients:
            id_ = notification_id(event.key, kind, recipient, event.accepted_at)
            if id_ not in self.told.ids:
                self.told.ids.add(id_)
                at = datetime.fromisoformat(said["pickup_time"])
                self.told.count[said["interaction_id"], said["reminder"], at] += 1


def _die_at(step: int, killed_at: int | None) -> None:
    if step == killed_at:
        raise Killed


def order_of(pickup: dict[str, Any]) -> str:
    """Return the id under which a pickup is known."""
    order: str = pickup["interaction_id"]
    return order


def pickup_at(at: datetime, **fields: Any) -> dict[str, Any]:
    """Return the data of a `pickup.scheduled`."""
    return {
        "interaction_id": uuid4().hex,
        "user_id": str(uuid4()),
        "business_id": str(uuid4()),
        "order_number": "SNB-7",
        "pickup_time": at.isoformat(),
        "pickup_location": "12 Long Street",
        **fields,
    }
