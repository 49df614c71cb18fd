"""An order changes: its customer is told, and the owner of the business sees it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from server.service import Service
from tests.support.world import Person, Shop, World, event, eventually, interaction

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def order_of(shop: Shop) -> str:
    return f"770g-{shop.id}"


def changed(shop: Shop, customer: Person, status: str, *, hour: int = 0, **fields: Any) -> Any:
    """Return an event by which the one order of a test changes."""
    data = interaction(
        shop.id, customer.id, interaction_id=order_of(shop), new_status=status, **fields
    )
    return event(
        "interaction.status_changed",
        data,
        occurred_at=(NOON + timedelta(hours=hour)).isoformat(),
    )


async def settled(world: World, service: Service) -> None:
    """Wait until every event has been carried out."""

    async def is_done() -> bool:
        return await service.stores.events.pending_count() == 0

    await eventually(is_done)


async def test_the_customer_is_told_and_the_owner_sees_it(world: World) -> None:
    shop, customer = await world.shop(), await world.person(name="Naledi")
    owner_socket = await world.connect(shop.owner)
    customer_socket = await world.connect(customer)
    confirmed = changed(shop, customer, "confirmed", order_number="SNB-1", total_amount=25.5)
    assert (await world.events([confirmed])).status == 202
    told = await customer_socket.notified()
    assert told["notification_type"] == "interaction_confirmed"
    assert told["message"] == "Mario's confirmed your order SNB-1. The total is R25.50."
    assert told["data"]["interaction_id"] == order_of(shop)
    assert told["data"]["total_amount"] == "25.50"
    assert await owner_socket.expect("interaction.status_changed") == {
        "type": "interaction.status_changed",
        "data": {
            "interaction_id": order_of(shop),
            "old_status": "pending",
            "new_status": "confirmed",
            "customer": {"name": "Naledi"},
        },
    }
    await world.events([changed(shop, customer, "completed", hour=1)])
    assert (await customer_socket.notified())["notification_type"] == "interaction_completed"
    completed = await owner_socket.expect("interaction.status_changed")
    assert completed["data"]["new_status"] == "completed"
    assert (await world.inbox(shop.owner))["count"] == 0


@pytest.mark.parametrize("status", ["cancelled", "ready"])
async def test_of_other_changes_only_the_owner_hears(status: str, world: World) -> None:
    shop, customer = await world.shop(), await world.person()
    owner_socket = await world.connect(shop.owner)
    customer_socket = await world.connect(customer)
    await world.events([changed(shop, customer, status)])
    frame = await owner_socket.expect("interaction.status_changed")
    assert frame["data"]["new_status"] == status
    await customer_socket.nothing_more()
    assert (await world.inbox(customer))["count"] == 0


async def test_the_same_change_again_is_seen_by_nobody_again(world: World) -> None:
    shop, customer = await world.shop(), await world.person()
    owner_socket = await world.connect(shop.owner)
    customer_socket = await world.connect(customer)
    one = changed(shop, customer, "confirmed")
    assert (await world.events([one, one])).body == {"accepted": 1, "duplicates": 1}
    await customer_socket.notified()
    await owner_socket.expect("interaction.status_changed")
    assert (await world.events([one])).body == {"accepted": 0, "duplicates": 1}
    await customer_socket.nothing_more()
    await owner_socket.nothing_more()


async def test_a_change_that_comes_after_a_newer_one_is_shown_to_nobody(
    world: World, service: Service
) -> None:
    shop, customer = await world.shop(), await world.person()
    owner_socket = await world.connect(shop.owner)
    await world.events([changed(shop, customer, "completed", hour=2)])
    await world.told(customer, 1)
    await owner_socket.expect("interaction.status_changed")
    await world.events([changed(shop, customer, "confirmed", hour=1)])
    await settled(world, service)
    assert [row["notification_type"] for row in await world.told(customer, 1)] == [
        "interaction_completed"
    ]
    await owner_socket.nothing_more()


async def test_changes_of_one_batch_are_all_told_in_the_order_in_which_they_occurred(
    world: World,
) -> None:
    shop, customer = await world.shop(), await world.person()
    owner_socket = await world.connect(shop.owner)
    customer_socket = await world.connect(customer)
    await world.events(
        [
            changed(shop, customer, "completed", hour=3),
            changed(shop, customer, "confirmed", hour=1),
            changed(shop, customer, "ready", hour=2),
        ]
    )
    kinds = [(await customer_socket.notified())["notification_type"] for _ in range(2)]
    assert kinds == ["interaction_confirmed", "interaction_completed"]
    seen = [await owner_socket.expect("interaction.status_changed") for _ in range(3)]
    assert [frame["data"]["new_status"] for frame in seen] == ["confirmed", "ready", "completed"]
    newest_first = [row["notification_type"] for row in await world.told(customer, 2)]
    assert newest_first == list(reversed(kinds))


async def test_the_customer_does_not_wait_for_the_business_to_be_known(world: World) -> None:
    customer = await world.person()
    unknown = interaction(uuid4(), customer.id)
    await world.event("interaction.status_changed", unknown)
    (told,) = await world.told(customer)
    assert told["message"] == "The business confirmed your order."
    assert told["business"] is None
    owner = await world.person("provider")
    business = {"id": unknown["business_id"], "owner_id": str(owner.id), "name": "Late"}
    await world.event("business.created", business)

    async def is_named() -> bool:
        (row,) = await world.told(customer)
        return row["business"] is not None and row["business"]["name"] == "Late"

    await eventually(is_named)
