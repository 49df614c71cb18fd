"""`interaction.status_changed`: tell the customer, and the owner's sockets (contract section 3)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

from actors.flows.content import Content
from actors.flows.plan import Plan, Tell
from actors.flows.statuses import StatusFlow
from actors.frames import interaction_status_changed
from actors.socket_events import SocketEvent
from rules.content import MESSAGE_LIMIT
from rules.ids import status_key
from rules.kinds import KINDS
from rules.paths import segment
from rules.text import shorten
from storage.businesses import Business, BusinessesRepository
from storage.events import StoredEvent
from storage.names import NameResolver
from storage.positions import PositionClock
from storage.statuses import StatusesRepository


class InteractionStatusChanged(StatusFlow):
    """Plan what customers and owners see of an order."""

    def __init__(
        self,
        statuses: StatusesRepository,
        businesses: BusinessesRepository,
        names: NameResolver,
        clock: PositionClock,
    ) -> None:
        super().__init__(statuses, clock)
        self._businesses = businesses
        self._names = names

    def subject(self, event: StoredEvent) -> UUID:
        """Return the key of the order."""
        return status_key("interaction", event.data["interaction_id"])

    async def plan_news(self, events: Sequence[StoredEvent]) -> Sequence[Plan]:
        """Find owners and names by one look-up each.

        A customer does not wait for the business to be known; of an owner who is not, no socket is
        connected.
        """
        known = await self._businesses.find_many({_business_id(event.data) for event in events})
        names = await self._names.resolve(users=(_customer_id(event.data) for event in events))
        plans = []
        for event in events:
            business = known.get(_business_id(event.data))
            customer = names.users.get(_customer_id(event.data))
            plans.append(_plan(event.data, business, customer.name if customer else None))
        return plans


def _business_id(interaction: dict[str, Any]) -> UUID:
    return UUID(interaction["business_id"])


def _customer_id(interaction: dict[str, Any]) -> UUID:
    return UUID(interaction["customer_id"])


def _plan(interaction: dict[str, Any], business: Business | None, customer: str | None) -> Plan:
    told = CONTENTS.get(interaction["new_status"])
    tells = (
        (Tell(content=told(interaction, business), recipient_ids=(_customer_id(interaction),)),)
        if told is not None
        else ()
    )
    if business is None or business.owner_id is None:
        return Plan(tells=tells)
    frame = interaction_status_changed(
        interaction["interaction_id"],
        interaction["old_status"],
        interaction["new_status"],
        customer,
    )
    return Plan(tells=tells, socket_events=(SocketEvent(business.owner_id, frame),))


def interaction_confirmed(interaction: dict[str, Any], business: Business | None) -> Content:
    """Return what the customer of `interaction`, the data of the event, is told of a promise."""
    total = interaction.get("total_amount")
    return _content(
        "interaction_confirmed",
        interaction,
        business,
        title="Your order is confirmed",
        message=f"{_name(business)} confirmed {_order(interaction)}."
        + (f" The total is R{total}." if total is not None else ""),
    )


def interaction_completed(interaction: dict[str, Any], business: Business | None) -> Content:
    """Return what the customer of `interaction`, the data of the event, is told at the end."""
    return _content(
        "interaction_completed",
        interaction,
        business,
        title="Your order is complete",
        message=f"{_name(business)} marked {_order(interaction)} as collected. Enjoy your food!",
    )


CONTENTS: Mapping[str, Callable[[dict[str, Any], Business | None], Content]] = {
    "confirmed": interaction_confirmed,
    "completed": interaction_completed,
}
"""By the new status; of any other the customer is not told."""


def _content(
    kind: str, interaction: dict[str, Any], business: Business | None, *, title: str, message: str
) -> Content:
    interaction_id = interaction["interaction_id"]
    return Content(
        kind=KINDS[kind],
        title=title,
        message=shorten(message, MESSAGE_LIMIT),
        data={
            "interaction_id": interaction_id,
            "business_id": interaction["business_id"],
            "order_number": interaction.get("order_number"),
            "total_amount": interaction.get("total_amount"),
            "status": interaction["new_status"],
        },
        action_buttons=[
            {
                "text": "View Order",
                "action": "view_interaction",
                "url": f"/interactions/{segment(interaction_id)}",
            }
        ],
        business_id=_business_id(interaction),
        sender_id=business.owner_id if business else None,
    )


def _name(business: Business | None) -> str:
    return (business.name if business else "") or "The business"


def _order(interaction: dict[str, Any]) -> str:
    number = interaction.get("order_number")
    return f"your order {number}" if number else "your order"
