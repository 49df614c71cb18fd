"""`pickup.*`: keep what is arranged, in any order, and plan its reminders (contract section 3)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, get_args
from uuid import UUID

from actors.flows.plan import ReadModelFlow
from actors.flows.reminders import REMINDER_DUE
from actors.planning import Planning, planned_event
from rules.ids import schedule_id
from rules.reminders import Reminder, planned
from storage.events import StoredEvent
from storage.pickups import (
    PickupChange,
    PickupDetails,
    PickupsRepository,
    PickupStatus,
)
from storage.positions import PositionClock
from storage.schedules import PlannedEvent
from storage.standing import Standing

STATUSES: dict[str, PickupStatus] = {
    f"pickup.{status}": status for status in get_args(PickupStatus)
}
"""Event type -> how the pickup stands after it."""


class Pickups(ReadModelFlow):
    """`pickup.scheduled`, `pickup.completed` and `pickup.cancelled`.

    What is planned follows from how the pickup stands once the events are stored, whichever came
    first; its revision keeps what was planned before from replacing it.
    """

    def __init__(
        self, pickups: PickupsRepository, planning: Planning, clock: PositionClock
    ) -> None:
        self._pickups = pickups
        self._planning = planning
        self._clock = clock

    async def apply(self, events: Sequence[StoredEvent]) -> None:
        """Store what `events` say of pickups, and plan what is to be told of them."""
        await self._pickups.apply([_change(event) for event in events], at=self._clock.store_now())
        known = await self._pickups.standing({event.data["interaction_id"] for event in events})
        wanted: list[PlannedEvent] = []
        unwanted: dict[UUID, int] = {}
        for standing in known.values():
            reminders = _reminders(standing)
            wanted += reminders.values()
            unwanted |= {
                schedule_id(_purpose(reminder), standing.id): standing.revision
                for reminder in Reminder
                if reminder not in reminders
            }
        await self._planning.plan(wanted)
        await self._planning.withdraw(unwanted)


def _purpose(reminder: Reminder) -> str:
    return f"pickup.{reminder}"


def _reminders(standing: Standing) -> dict[Reminder, PlannedEvent]:
    """Return what is still to be told of the pickup as it stands."""
    if standing.at is None or standing.announced_at is None:
        return {}
    return {
        reminder: planned_event(
            _purpose(reminder),
            standing.id,
            type=REMINDER_DUE,
            at=at,
            version=standing.revision,
            data={
                "interaction_id": standing.id,
                "reminder": reminder.value,
                "pickup_time": standing.at.isoformat(),
            },
            is_critical=reminder is Reminder.HOUR,
        )
        for reminder, at in planned(standing.at, announced_at=standing.announced_at).items()
        if reminder not in standing.told
    }


def _change(event: StoredEvent) -> PickupChange:
    status = STATUSES[event.type]
    return PickupChange(
        interaction_id=event.data["interaction_id"],
        status=status,
        occurred_at=event.occurred_at,
        accepted_at=event.accepted_at,
        details=_details(event.data) if status == "scheduled" else None,
    )


def _details(said: dict[str, Any]) -> PickupDetails:
    return PickupDetails(
        user_id=UUID(said["user_id"]),
        business_id=UUID(said["business_id"]),
        order_number=said["order_number"],
        pickup_time=datetime.fromisoformat(said["pickup_time"]),
        pickup_location=said["pickup_location"],
        contact_person=said.get("contact_person"),
        contact_phone=said.get("contact_phone"),
        confirmation_code=said.get("confirmation_code"),
        items=said.get("items"),
        total_amount=said.get("total_amount"),
    )
