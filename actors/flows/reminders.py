"""`pickup.reminder_due`: tell a reminder whose time has come, if it is still so (section 5).

Of our own making, by a schedule. The pickup is read again: it may have moved, or be over.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from actors.flows.content import Content
from actors.flows.plan import NOTHING, NotYet, Plan, SubjectFlow, Tell
from actors.frames import timestamp
from actors.planning import as_of
from rules.content import MESSAGE_LIMIT, TITLE_LIMIT
from rules.kinds import KINDS, Channel
from rules.paths import segment
from rules.reminders import Reminder, still_helps
from rules.text import shorten
from storage.businesses import Business, BusinessesRepository
from storage.events import StoredEvent
from storage.pickups import Pickup, PickupDetails, PickupsRepository
from storage.positions import PositionClock
from storage.standing import Telling

REMINDER_DUE = "pickup.reminder_due"


@dataclass(frozen=True, slots=True)
class _Said:
    """What a reminder says, but for what all of them say."""

    kind: str
    title: str
    message: str
    channels: tuple[Channel, ...] | None = None
    """Those of the kind, when there are none."""

    priority: str = "normal"


_SAID = {
    Reminder.DAY: _Said(
        "pickup_reminder",
        "Pickup reminder: order {order} at {business}",
        "Your order {order} is ready to collect at {business}, {place}.",
        channels=(Channel.EMAIL,),
    ),
    Reminder.HOUR: _Said(
        "pickup_reminder",
        "Pickup within the hour: order {order}",
        "Collect your order {order} at {business} within the hour: {place}.",
        priority="critical",
    ),
    Reminder.MISSED: _Said(
        "pickup_missed",
        "You missed a pickup at {business}",
        "Your order {order} was not collected at {place}. "
        "Get in touch with {business} if you still want it.",
    ),
}


class PickupReminders(SubjectFlow):
    """Plans reminders that still help, each once for the time that the pickup is at."""

    def __init__(
        self, pickups: PickupsRepository, businesses: BusinessesRepository, clock: PositionClock
    ) -> None:
        self._pickups = pickups
        self._businesses = businesses
        self._clock = clock

    async def plan(self, events: Sequence[StoredEvent]) -> Sequence[Plan | NotYet]:
        """Return whom to tell what; nobody of a pickup that is no longer on at that time."""
        now = self._clock.store_now()
        tellings = [
            _telling(event) for event in events if _helps(event, at=as_of(event.data) or now)
        ]
        pickups = await self._pickups.tell(tellings) if tellings else {}
        businesses = await self._businesses.find_many(
            {pickup.details.business_id for pickup in pickups.values() if pickup.details}
        )
        return [_plan(event, pickups.get(event.key), businesses) for event in events]


def _helps(event: StoredEvent, *, at: datetime) -> bool:
    return still_helps(
        Reminder(event.data["reminder"]), datetime.fromisoformat(event.data["pickup_time"]), at=at
    )


def _telling(event: StoredEvent) -> Telling:
    return Telling(
        id=event.data["interaction_id"],
        what=event.data["reminder"],
        at=datetime.fromisoformat(event.data["pickup_time"]),
        event_key=event.key,
    )


def _plan(event: StoredEvent, pickup: Pickup | None, businesses: Mapping[UUID, Business]) -> Plan:
    if pickup is None or pickup.details is None:
        return NOTHING
    details = pickup.details
    reminder = Reminder(event.data["reminder"])
    business = businesses.get(details.business_id)
    tell = Tell(
        content=pickup_content(reminder, pickup.interaction_id, details, business),
        recipient_ids=(details.user_id,),
        channels=_SAID[reminder].channels,
    )
    return Plan(tells=(tell,))


def pickup_content(
    reminder: Reminder, interaction_id: str, details: PickupDetails, business: Business | None
) -> Content:
    """Return what `reminder` says of a pickup. Codes and phones are in the data alone."""
    said = _SAID[reminder]
    words = {
        "order": details.order_number,
        "business": (business.name if business else "") or "the business",
        "place": details.pickup_location,
    }
    return Content(
        kind=KINDS[said.kind],
        title=shorten(said.title.format(**words), TITLE_LIMIT),
        message=shorten(said.message.format(**words), MESSAGE_LIMIT),
        data={
            "interaction_id": interaction_id,
            "business_id": str(details.business_id),
            "reminder": reminder.value,
            "order_number": details.order_number,
            "pickup_time": timestamp(details.pickup_time),
            "pickup_location": details.pickup_location,
            **_given(details),
            "deep_link": f"savenbiteguild://interaction/{segment(interaction_id)}",
        },
        action_buttons=_buttons(interaction_id, details),
        business_id=details.business_id,
        sender_id=business.owner_id if business else None,
        priority=said.priority,
    )


def _given(details: PickupDetails) -> dict[str, Any]:
    """Return what need not be known of a pickup."""
    named = {
        "contact_person": details.contact_person,
        "contact_phone": details.contact_phone,
        "confirmation_code": details.confirmation_code,
        "items": details.items,
        "total_amount": details.total_amount,
    }
    return {name: value for name, value in named.items() if value is not None}


def _buttons(interaction_id: str, details: PickupDetails) -> list[dict[str, Any]]:
    order = {
        "text": "View Order",
        "action": "view_interaction",
        "url": f"/interactions/{segment(interaction_id)}",
    }
    if details.contact_phone is None:
        return [order]
    return [order, {"text": "Call", "action": "call_phone", "phone": details.contact_phone}]
