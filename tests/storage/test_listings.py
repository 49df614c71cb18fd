"""What is offered, from events in whatever order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest

from storage.listings import KEPT, Listing, ListingChange, ListingDetails
from storage.standing import Standing, Telling
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
    at = NOON + minute * MINUTE
    return ListingChange(
        listing_id=listing_id, occurred_at=at, accepted_at=at, details=details(**said)
    )


def removed(listing_id: str, minute: int) -> ListingChange:
    at = NOON + minute * MINUTE
    return ListingChange(listing_id=listing_id, occurred_at=at, accepted_at=at)


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


async def test_those_that_are_removed_are_named(stores: Stores) -> None:
    offered, gone = uuid4().hex, uuid4().hex
    await stores.listings.apply([created(offered, 0), removed(gone, 0)], at=NOON)
    assert await stores.listings.removed([offered, gone, "unknown"]) == {gone}


async def test_a_listing_is_on_until_it_is_removed(stores: Stores) -> None:
    listing_id = uuid4().hex
    expiry_date = NOON + 60 * MINUTE
    await stores.listings.apply([created(listing_id, 0)], at=NOON)
    known = await stores.listings.standing([listing_id, "unknown"])
    assert known == {
        listing_id: Standing(id=listing_id, at=expiry_date, announced_at=NOON, revision=1)
    }
    await stores.listings.apply([removed(listing_id, 1)], at=NOON)
    assert (await stores.listings.standing([listing_id]))[listing_id].at is None


async def test_one_event_tells_of_a_listing_however_often_it_is_carried_out(
    stores: Stores,
) -> None:
    listing_id = uuid4().hex
    await stores.listings.apply([created(listing_id, 0)], at=NOON)
    first, second = (
        Telling(id=listing_id, what="expiring", at=NOON + 60 * MINUTE, event_key=uuid4())
        for _ in range(2)
    )
    for _ in range(2):
        told = await stores.listings.tell(first)
        assert told is not None
        assert told.details == details()
        assert await stores.listings.tell(second) is None
    assert (await stores.listings.standing([listing_id]))[listing_id].told == {"expiring"}


async def test_of_a_listing_that_is_gone_or_unknown_nobody_is_told(stores: Stores) -> None:
    listing_id = uuid4().hex
    await stores.listings.apply([created(listing_id, 0), removed(listing_id, 1)], at=NOON)
    for id_ in (listing_id, "unknown"):
        telling = Telling(id=id_, what="expiring", at=NOON + 60 * MINUTE, event_key=uuid4())
        assert await stores.listings.tell(telling) is None


async def test_on_offer_is_what_is_new_still_to_be_had_and_not_removed(stores: Stores) -> None:
    business = uuid4()
    soon, later, old, gone, taken, others = (uuid4().hex for _ in range(6))
    own = {"business_id": business}
    await stores.listings.apply(
        [
            created(later, 0, **own, expiry_date=NOON + 90 * MINUTE),
            created(soon, 0, **own),
            created(old, -5, **own),
            created(gone, 0, **own, expiry_date=NOON),
            created(taken, 0, **own),
            created(others, 0),
        ],
        at=NOON,
    )
    await stores.listings.apply([removed(taken, 1)], at=NOON)
    found = await stores.listings.on_offer(business, new_since=NOON - 4 * MINUTE, at=NOON, limit=9)
    assert {each.id for each in found} == {soon, later}
    assert found[0].details is not None
    assert found[0].details.business_id == business
