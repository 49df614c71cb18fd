"""What is arranged, offered and wanted is kept for what happens later, in any order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any
from uuid import UUID, uuid4

import pytest

from server.service import Service
from storage.interests import Interest
from storage.listings import Listing, ListingDetails
from storage.pickups import Pickup, PickupDetails
from tests.support.world import World, event, eventually, listing, pickup

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def said(type_: str, hour: int, data: dict[str, Any]) -> dict[str, Any]:
    return event(type_, data, occurred_at=(NOON + hour * HOUR).isoformat())


async def carry_out(world: World, service: Service, *events: dict[str, Any]) -> None:
    """Post `events` one by one and wait until all are carried out."""
    for one in events:
        answer = await world.events([one])
        assert answer.status == 202, answer.body

    async def is_done() -> bool:
        return await service.stores.events.pending_count() == 0

    await eventually(is_done)


@pytest.mark.parametrize("order", list(permutations(range(3))))
async def test_of_a_pickup_the_newest_is_kept_in_any_order(
    order: tuple[int, ...], world: World, service: Service
) -> None:
    first = pickup(uuid4(), uuid4(), items=["Bread"], contact_phone="+27123456789")
    moved = {**first, "pickup_time": "2026-11-23T10:00:00+02:00", "total_amount": 25.5}
    del moved["items"]
    interaction_id = first["interaction_id"]
    events = [
        said("pickup.scheduled", 0, first),
        said("pickup.scheduled", 1, moved),
        said("pickup.completed", 2, {"interaction_id": interaction_id}),
    ]
    await carry_out(world, service, *(events[place] for place in order))
    assert await service.stores.pickups.find(interaction_id) == Pickup(
        interaction_id=interaction_id,
        status="completed",
        details=PickupDetails(
            user_id=UUID(first["user_id"]),
            business_id=UUID(first["business_id"]),
            order_number=first["order_number"],
            pickup_time=datetime(2026, 11, 23, 8, tzinfo=UTC),
            pickup_location=first["pickup_location"],
            contact_phone="+27123456789",
            total_amount="25.50",
        ),
    )


async def test_a_cancelled_pickup_is_so_and_one_scheduled_again_is_on(
    world: World, service: Service
) -> None:
    data = pickup(uuid4(), uuid4(), items=[{"name": "Bread", "quantity": 2}, "Milk"])
    interaction_id = data["interaction_id"]
    await carry_out(
        world,
        service,
        said("pickup.cancelled", 1, {"interaction_id": interaction_id}),
        said("pickup.scheduled", 0, data),
    )
    cancelled = await service.stores.pickups.find(interaction_id)
    assert cancelled is not None
    assert cancelled.details is not None
    assert (cancelled.status, cancelled.details.items) == ("cancelled", data["items"])
    await carry_out(world, service, said("pickup.scheduled", 2, data))
    again = await service.stores.pickups.find(interaction_id)
    assert again is not None
    assert again.status == "scheduled"


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
async def test_of_a_listing_it_is_kept_what_it_says_and_that_it_is_removed(
    order: tuple[int, ...], world: World, service: Service
) -> None:
    shop = await world.shop()
    data = listing(shop.id, "Bread", expiry_date="2026-11-22T20:00:00+02:00", description="Rye")
    listing_id = data["listing_id"]
    events = [
        said("listing.created", 0, data),
        said("listing.removed", 1, {"listing_id": listing_id}),
    ]
    await carry_out(world, service, *(events[place] for place in order))
    assert await service.stores.listings.find(listing_id) == Listing(
        id=listing_id,
        is_removed=True,
        details=ListingDetails(
            business_id=shop.id,
            name="Bread",
            description="Rye",
            price="12.50",
            currency="ZAR",
            expiry_date=datetime(2026, 11, 22, 18, tzinfo=UTC),
            pickup_location=data["pickup_location"],
        ),
    )


async def test_interest_is_kept_from_when_it_was_first_shown(
    world: World, service: Service
) -> None:
    listing_id, user_id = uuid4().hex, uuid4()
    data = {"listing_id": listing_id, "user_id": str(user_id)}
    await carry_out(
        world, service, said("listing.interest", 2, data), said("listing.interest", 1, data)
    )
    assert await service.stores.interests.find(listing_id, user_id) == Interest(
        listing_id, user_id, NOON + HOUR
    )


async def test_that_a_user_was_deleted_is_kept_in_any_order(world: World, service: Service) -> None:
    person, unknown = await world.person(), uuid4()
    await carry_out(
        world,
        service,
        said("user.deleted", 2, {"id": str(person.id)}),
        said("user.deleted", 1, {"id": str(person.id)}),
        said("user.deleted", 1, {"id": str(unknown)}),
    )
    for user_id, hour in ((person.id, 2), (unknown, 1)):
        stored = await service.stores.users.exported(user_id)
        assert stored is not None
        assert stored["deleted_at"] == NOON + hour * HOUR


async def test_an_export_has_what_somebody_arranged_and_wanted(
    world: World, service: Service
) -> None:
    person, other = await world.person(), await world.person()
    for somebody in (person, other):
        await carry_out(
            world,
            service,
            said(
                "pickup.scheduled",
                0,
                pickup(uuid4(), somebody.id, confirmation_code=f"code of {somebody.id}"),
            ),
            said("listing.interest", 0, {"listing_id": "770g", "user_id": str(somebody.id)}),
        )
    document = (await world.api.get("/api/privacy/export/", person.token)).body
    (arranged,) = document["pickups"]
    assert arranged["confirmation_code"] == f"code of {person.id}"
    (wanted,) = document["interests"]
    assert (wanted["listing_id"], wanted["occurred_at"]) == ("770g", "2026-11-22T12:00:00.000Z")
    assert str(other.id) not in str(document)
