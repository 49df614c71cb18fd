"""What is offered, from events in whatever order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest

from storage.listings import KEPT, Listing, ListingChange, ListingDetails
from tests.storage.samples import MINUTE, NOON

if TYPE_CHECKING:
    from storage.stores import Stores


def details(**changes: Any) -> ListingDetails:
    said: dict[str, Any] = {
        "business_id": UUID(int=2),
        "name": "Bread",
        "description": "Of yesterday",
        "price": "12.50",
        "currency": "ZAR",
        "expiry_date": NOON + 60 * MINUTE,
        "pickup_location": "12 Long Street",
        "image_url": "https://img.example/bread.png",
    }
    return ListingDetails(**(said | changes))


def created(listing_id: str, minute: int, **said: Any) -> ListingChange:
    return ListingChange(
        listing_id=listing_id, occurred_at=NOON + minute * MINUTE, details=details(**said)
    )


def removed(listing_id: str, minute: int) -> ListingChange:
    return ListingChange(listing_id=listing_id, occurred_at=NOON + minute * MINUTE)


async def test_an_unknown_listing_is_none(stores: Stores) -> None:
    assert await stores.listings.find("unknown") is None


async def test_what_was_created_comes_back_whole(stores: Stores) -> None:
    full, bare = (uuid4().hex for _ in range(2))
    least = {"description": None, "image_url": None}
    await stores.listings.apply([created(full, 0), created(bare, 0, **least)], at=NOON)
    assert await stores.listings.find(full) == Listing(id=full, is_removed=False, details=details())
    assert await stores.listings.find(bare) == Listing(
        id=bare, is_removed=False, details=details(**least)
    )


@pytest.mark.parametrize("is_in_order", [True, False])
async def test_what_was_removed_stays_so_though_its_creation_comes_later(
    stores: Stores, is_in_order: bool
) -> None:
    listing_id = uuid4().hex
    changes = [created(listing_id, 0), removed(listing_id, 1)]
    if not is_in_order:
        changes.reverse()
        await stores.listings.apply(changes[:1], at=NOON)
        assert await stores.listings.find(listing_id) == Listing(
            id=listing_id, is_removed=True, details=None
        )
    await stores.listings.apply(changes, at=NOON)
    assert await stores.listings.find(listing_id) == Listing(
        id=listing_id, is_removed=True, details=details()
    )


async def test_what_is_created_anew_is_there_again(stores: Stores) -> None:
    listing_id = uuid4().hex
    changes = [created(listing_id, 2, name="Cake"), removed(listing_id, 1), created(listing_id, 0)]
    await stores.listings.apply(changes, at=NOON)
    assert await stores.listings.find(listing_id) == Listing(
        id=listing_id, is_removed=False, details=details(name="Cake")
    )


async def test_a_row_outlives_its_listing_and_its_events(stores: Stores) -> None:
    listing_id = uuid4().hex
    for change, at, purge_at in (
        (removed(listing_id, 1), NOON, NOON + KEPT),
        (created(listing_id, 0), NOON, NOON + 60 * MINUTE + KEPT),
        (removed(listing_id, 2), NOON + MINUTE, NOON + 60 * MINUTE + KEPT),
    ):
        await stores.listings.apply([change], at=at)
        row = await stores.listings._listings.find_one({"_id": listing_id})
        assert row is not None
        assert row["purge_at"] == purge_at
