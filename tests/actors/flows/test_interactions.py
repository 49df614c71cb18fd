"""What customers and owners see of an order."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from actors.flows.interactions import InteractionStatusChanged
from actors.flows.plan import NOTHING, NotYet, Plan
from storage.businesses import BusinessChange
from storage.events import StoredEvent
from storage.names import NameResolver
from storage.positions import PositionClock
from storage.stores import Stores
from storage.users import ProfileChange
from tests.storage.samples import MINUTE, NOON, a_business, an_event
from tests.support.world import interaction


class Orders:
    """The flow, and events for it."""

    def __init__(self, stores: Stores, clock: PositionClock) -> None:
        self.flow = InteractionStatusChanged(
            stores.statuses,
            stores.businesses,
            NameResolver(stores.users, stores.businesses),
            clock,
        )

    def event(
        self, business_id: UUID, customer_id: UUID, occurred_at: datetime = NOON, **fields: Any
    ) -> StoredEvent:
        data = interaction(business_id, customer_id, **fields)
        new = an_event(
            type="interaction.status_changed", lane="single", data=data, occurred_at=occurred_at
        )
        return new.stored(NOON)

    async def plan(self, *events: StoredEvent) -> list[Plan]:
        plans = await self.flow.plan(events)
        assert not any(isinstance(plan, NotYet) for plan in plans)
        return [plan for plan in plans if isinstance(plan, Plan)]


@pytest.fixture
def orders(stores: Stores, clock: PositionClock) -> Orders:
    return Orders(stores, clock)


@pytest.mark.parametrize(
    ("status", "kind", "message"),
    [
        (
            "confirmed",
            "interaction_confirmed",
            "Corner Bakery confirmed your order SNB-1. The total is R25.50.",
        ),
        (
            "completed",
            "interaction_completed",
            "Corner Bakery marked your order SNB-1 as collected. Enjoy your food!",
        ),
    ],
)
async def test_the_customer_is_told_of_what_is_confirmed_and_what_is_completed(
    status: str, kind: str, message: str, orders: Orders, stores: Stores
) -> None:
    customer_id, business_id = uuid4(), await a_business(stores)
    event = orders.event(
        business_id, customer_id, new_status=status, order_number="SNB-1", total_amount="25.50"
    )
    (plan,) = await orders.plan(event)
    (told,) = plan.tells
    content = told.content
    assert told.recipient_ids == (customer_id,)
    assert (content.kind.name, content.message) == (kind, message)
    assert content.data == {
        "interaction_id": event.data["interaction_id"],
        "business_id": str(business_id),
        "order_number": "SNB-1",
        "total_amount": "25.50",
        "status": status,
    }
    business = await stores.businesses.get(business_id)
    assert (content.business_id, content.sender_id) == (business_id, business.owner_id)


async def test_what_is_not_known_of_an_order_is_left_out_of_the_text(orders: Orders) -> None:
    customer_id = uuid4()
    plans = await orders.plan(
        *(
            orders.event(uuid4(), customer_id, new_status=status, total_amount=None)
            for status in ("confirmed", "completed")
        )
    )
    contents = [plan.tells[0].content for plan in plans]
    assert [content.message for content in contents] == [
        "The business confirmed your order.",
        "The business marked your order as collected. Enjoy your food!",
    ]
    assert {content.sender_id for content in contents} == {None}
    assert [plan.socket_events for plan in plans] == [(), ()]


@pytest.mark.parametrize("status", ["confirmed", "completed", "cancelled", "no_show"])
async def test_the_owner_sees_every_change_with_the_name_of_the_customer(
    status: str, orders: Orders, stores: Stores
) -> None:
    customer_id, business_id = uuid4(), await a_business(stores)
    await stores.users.apply([ProfileChange(customer_id, {"name": "Naledi"}, NOON)])
    event = orders.event(business_id, customer_id, old_status="ready", new_status=status)
    (plan,) = await orders.plan(event)
    assert len(plan.tells) == (status in ("confirmed", "completed"))
    (shown,) = plan.socket_events
    business = await stores.businesses.get(business_id)
    assert shown.user_id == business.owner_id
    assert json.loads(shown.frame) == {
        "type": "interaction.status_changed",
        "data": {
            "interaction_id": event.data["interaction_id"],
            "old_status": "ready",
            "new_status": status,
            "customer": {"name": "Naledi"},
        },
    }


async def test_a_customer_who_is_not_known_has_no_name(orders: Orders, stores: Stores) -> None:
    (plan,) = await orders.plan(orders.event(await a_business(stores), uuid4()))
    assert json.loads(plan.socket_events[0].frame)["data"]["customer"] == {"name": None}


async def test_a_business_whose_owner_or_name_is_not_known_yet(
    orders: Orders, stores: Stores
) -> None:
    business_id = uuid4()
    await stores.businesses.apply([BusinessChange(business_id, {"rating": 4.5}, NOON)])
    (plan,) = await orders.plan(orders.event(business_id, uuid4()))
    assert plan.socket_events == ()
    assert plan.tells[0].content.message == "The business confirmed your order."


async def test_a_change_that_comes_after_a_newer_one_is_shown_to_nobody(
    orders: Orders, stores: Stores
) -> None:
    business_id, customer_id, order = await a_business(stores), uuid4(), "770g"
    confirmed, completed, again = (
        orders.event(business_id, customer_id, at, interaction_id=order, new_status=status)
        for status, at in (
            ("confirmed", NOON),
            ("completed", NOON + MINUTE),
            ("completed", NOON + MINUTE),
        )
    )
    other = orders.event(business_id, customer_id, interaction_id="of another")
    assert (await orders.plan(completed))[0].tells
    await orders.flow.settle([completed], {})
    late, same_time, of_another = await orders.plan(confirmed, again, other)
    assert late == NOTHING
    assert same_time.tells
    assert of_another.tells


async def test_changes_that_wait_together_are_all_shown_and_the_newest_is_kept(
    orders: Orders, stores: Stores
) -> None:
    business_id, customer_id = await a_business(stores), uuid4()
    completed, confirmed = (
        orders.event(business_id, customer_id, at, interaction_id="771h", new_status=status)
        for status, at in (("completed", NOON + MINUTE), ("confirmed", NOON))
    )
    plans = await orders.plan(completed, confirmed)
    assert [plan.tells[0].content.data["status"] for plan in plans] == ["completed", "confirmed"]
    await orders.flow.settle([completed, confirmed], {})
    assert await stores.statuses.newest([orders.flow.subject(confirmed)]) == {
        orders.flow.subject(completed): NOON + MINUTE
    }
