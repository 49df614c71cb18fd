"""What followers are told of a new listing."""

from __future__ import annotations

from uuid import UUID, uuid4

import orjson
import pytest

from actors.flows.audiences import Audiences
from actors.flows.expiry import ExpiryPlans
from actors.flows.followers import FollowersOf
from actors.flows.listings import ListingCreated, new_listing
from actors.planning import Planning
from actors.tally import Tally
from rules.content import MESSAGE_LIMIT, TITLE_LIMIT
from storage.businesses import Business
from storage.listings import ListingChange
from storage.positions import PositionClock
from storage.stores import Stores
from tests.storage.samples import MINUTE, NOON, a_business, an_event

BAKERY = Business(
    id=UUID(int=1),
    owner_id=UUID(int=2),
    name="Corner Bakery",
    logo=None,
    address=None,
    rating=None,
    followers_count=0,
)
LISTING = {
    "listing_id": "770g",
    "business_id": str(BAKERY.id),
    "name": "Sourdough",
    "price": "25.00",
    "currency": "ZAR",
    "expiry_date": "2026-11-22T18:00:00Z",
    "pickup_location": "12 Long Street",
}


def test_a_listing_is_told_with_what_one_needs_to_collect_it() -> None:
    content = new_listing(LISTING, BAKERY)
    assert content.kind.name == "new_listing"
    assert content.title == "Sourdough at Corner Bakery"
    assert content.message == (
        "Corner Bakery just posted Sourdough for R25.00. Collect at 12 Long Street."
    )
    assert content.data == {
        "listing_id": "770g",
        "business_id": str(BAKERY.id),
        "listing_name": "Sourdough",
        "price": "25.00",
        "currency": "ZAR",
        "expiry_date": "2026-11-22T18:00:00Z",
        "pickup_location": "12 Long Street",
        "deep_link": "savenbiteguild://listing/770g",
    }
    assert [button["action"] for button in content.action_buttons] == [
        "view_listing",
        "add_to_cart",
    ]
    assert (content.business_id, content.sender_id) == (BAKERY.id, BAKERY.owner_id)
    assert content.image_url is None


def test_an_id_is_one_segment_of_links_and_told_as_it_is() -> None:
    content = new_listing({**LISTING, "listing_id": "770/g?h"}, BAKERY)
    assert content.data["listing_id"] == "770/g?h"
    assert content.data["deep_link"] == "savenbiteguild://listing/770%2Fg%3Fh"
    assert content.action_buttons[0]["url"] == "/listings/770%2Fg%3Fh"


@pytest.mark.parametrize(("currency", "price"), [("ZAR", "for R25.00."), ("USD", "for USD 25.00.")])
def test_prices_name_their_currency(currency: str, price: str) -> None:
    assert price in new_listing({**LISTING, "currency": currency}, BAKERY).message


def test_long_names_are_cut_to_the_content_limits() -> None:
    long = {**LISTING, "name": "n" * 200, "pickup_location": "p" * 500, "listing_id": "i" * 128}
    content = new_listing(long, BAKERY)
    assert len(content.title) == TITLE_LIMIT
    assert len(content.message) <= MESSAGE_LIMIT
    assert len(orjson.dumps(content.data)) <= 4_096
    assert len(content.action_buttons) <= 3
    assert all(len(button["text"]) <= 24 for button in content.action_buttons)


def created(stores: Stores, clock: PositionClock) -> ListingCreated:
    planning = Planning(stores.schedules, lambda _: None, clock, Tally())
    plans = ExpiryPlans(stores.listings, planning)
    return ListingCreated(stores.listings, stores.businesses, Audiences(stores), plans, clock)


async def test_a_listing_is_kept_though_nobody_can_follow_its_business_yet(
    stores: Stores, clock: PositionClock
) -> None:
    data = {**LISTING, "listing_id": uuid4().hex, "business_id": str(uuid4())}
    flow = created(stores, clock)
    assert await flow.plan(an_event(data=data).stored(NOON)) is None
    kept = await stores.listings.find(data["listing_id"])
    assert kept is not None
    assert kept.details is not None
    assert (kept.details.name, kept.details.description) == ("Sourdough", None)


async def test_its_fan_out_is_to_who_follows_the_business(
    stores: Stores, clock: PositionClock
) -> None:
    business_id = await a_business(stores)
    await stores.businesses.count_followers({business_id: 1})
    flow = created(stores, clock)
    data = {**LISTING, "business_id": str(business_id)}
    planned = await flow.plan(an_event(data=data).stored(NOON))
    assert planned is not None
    assert isinstance(planned.audience, FollowersOf)
    assert (planned.audience.business_id, planned.audience.expected) == (business_id, 1)
    assert planned.content == new_listing(data, await stores.businesses.get(business_id))


async def test_nobody_hears_of_a_listing_that_was_removed_before_it_came(
    stores: Stores, clock: PositionClock
) -> None:
    data = {**LISTING, "business_id": str(await a_business(stores)), "listing_id": uuid4().hex}
    gone = ListingChange(listing_id=data["listing_id"], occurred_at=NOON + MINUTE, accepted_at=NOON)
    await stores.listings.apply([gone], at=NOON)
    assert await created(stores, clock).plan(an_event(data=data).stored(NOON)) is None
