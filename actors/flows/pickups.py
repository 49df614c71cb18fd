"""`pickup.*`: keep what is arranged, in any order (contract section 3)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, get_args
from uuid import UUID

from actors.flows.plan import ReadModelFlow
from storage.events import StoredEvent
from storage.pickups import (
    PickupChange,
    PickupDetails,
    PickupsRepository,
    PickupStatus,
)
from storage.positions import PositionClock

STATUSES: dict[str, PickupStatus] = {
    f"pickup.{status}": status for status in get_args(PickupStatus)
}
"""Event type -> how the pickup stands after it."""


class Pickups(ReadModelFlow):
    """`pickup.scheduled`, `pickup.completed` and `pickup.cancelled`."""

    def __init__(self, pickups: PickupsRepository, clock: PositionClock) -> None:
        self._pickups = pickups
        self._clock = clock

    async def apply(self, events: Sequence[StoredEvent]) -> None:
        """Store what `events` say of pickups."""
        await self._pickups.apply([_change(event) for event in events], at=self._clock.store_now())


def _change(event: StoredEvent) -> PickupChange:
    status = STATUSES[event.type]
    return PickupChange(
        interaction_id=event.data["interaction_id"],
        status=status,
        occurred_at=event.occurred_at,
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
