"""Who showed interest in time hears that a listing expires, once, while it is there."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from actors.due_schedules import DueSchedules
from actors.flows.audience import Stretch
from actors.flows.audiences import Audiences
from actors.flows.expiry import EXPIRING, ExpiryPlans, ListingExpiring, expiring_listing
from actors.flows.fan_out import OneContent
from actors.flows.interested import InterestedIn
from actors.flows.listings import ListingCreated, ListingRemovals
from actors.planning import Planning
from actors.tally import Tally
from rules.batching import BatchSizer
from rules.content import MESSAGE_LIMIT, TITLE_LIMIT
from storage.businesses import BusinessChange
from storage.events import NewEvent
from storage.interests import Interest
from storage.listings import ListingDetails
from storage.stores import Stores
from storage.users import ProfileChange
from tests.actors.conftest import cipher, clock, database, stores
from tests.storage.samples import an_event
from tests.support.reminding import MovedClock
from tests.support.world import listing

__all__ = ["cipher", "clock", "database", "stores"]

EXPIRES = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(days=9)
"""Ahead, because the store itself removes schedules that are long past."""

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
POSTED, TOLD_AT = EXPIRES - 12 * HOUR, EXPIRES - 2 * HOUR


class Market:
    """Listings, their schedules and what comes of them, by a clock that tests move."""

    def __init__(self, stores: Stores) -> None:
        self.stores = stores
        self.clock = MovedClock(POSTED)
        self.tally = Tally()
        planning = Planning(stores.schedules, lambda _: None, self.clock, self.tally)
        plans, audiences = ExpiryPlans(stores.listings, planning), Audiences(stores)
        self.created = ListingCreated(
            stores.listings, stores.businesses, audiences, plans, self.clock
        )
        self.removals = ListingRemovals(stores.listings, plans, self.clock)
        self.expiring = ListingExpiring(stores.listings, stores.businesses, audiences, self.clock)
        self.due = DueSchedules(stores.schedules, self.clock)
        self.events: list[NewEvent] = []

    async def post(self, expires: datetime = EXPIRES, **fields: Any) -> str:
        data = {**listing(uuid4(), expiry_date=expires.isoformat()), **fields}
        event = an_event(type="listing.created", data=data, occurred_at=self.clock.at)
        await self.created.plan(event.stored(self.clock.at))
        return str(data["listing_id"])

    async def remove(self, listing_id: str, *, at: datetime | None = None) -> None:
        event = an_event(
            type="listing.removed",
            data={"listing_id": listing_id},
            occurred_at=at or self.clock.at + MINUTE,
        )
        await self.removals.apply([event.stored(self.clock.at)])

    async def interest(self, listing_id: str, at: datetime = POSTED) -> UUID:
        user_id = uuid4()
        await self.stores.interests.record([Interest(listing_id, user_id, at)], at=at)
        return user_id

    async def look(self, at: datetime, *, by: datetime | None = None) -> list[OneContent[Any]]:
        """Return the fan-outs that are due at `at`."""
        self.clock.at = at
        events: list[NewEvent] = []

        async def accept(accepted: Sequence[NewEvent]) -> None:
            events.extend(accepted)

        await self.due.carry_out(accept, by=by or at)
        self.events += events
        plans = [await self.expiring.plan(event.stored(at)) for event in events]
        return [plan for plan in plans if plan is not None]


@pytest.fixture
async def market(stores: Stores, database: Any) -> Market:
    # What other tests left would be due too: the database is the module's.
    await database["schedules"].delete_many({})
    return Market(stores)


async def told(fan_out: OneContent[Any]) -> set[UUID]:
    return {
        recipient.user_id
        async for batch in fan_out.audience.batches(BatchSizer())
        for recipient in batch.recipients
    }


async def test_who_was_interested_by_then_is_told_two_hours_before(market: Market) -> None:
    listing_id = await market.post()
    early, last = await market.interest(listing_id), await market.interest(listing_id, TOLD_AT)
    await market.interest(listing_id, TOLD_AT + MINUTE)
    await market.interest("another")
    assert await market.look(TOLD_AT - MINUTE) == []
    (fan_out,) = await market.look(TOLD_AT)
    assert await told(fan_out) == {early, last}
    assert await market.look(TOLD_AT + MINUTE) == []
    (event,) = market.events
    assert (event.type, event.lane) == (EXPIRING, "fan_out")
    assert market.tally.schedules_planned == 1


@pytest.mark.parametrize("comes_first", [True, False])
async def test_of_a_removed_listing_nobody_is_told(market: Market, comes_first: bool) -> None:
    listing_id = uuid4().hex
    if comes_first:
        await market.remove(listing_id)
    await market.post(listing_id=listing_id)
    await market.interest(listing_id)
    if not comes_first:
        await market.remove(listing_id)
    assert await market.look(TOLD_AT) == []
    assert market.events == []
    assert market.tally.schedules_withdrawn == (0 if comes_first else 1)


async def test_removed_between_its_time_and_its_turn_nobody_is_told(market: Market) -> None:
    listing_id = await market.post()
    await market.look(TOLD_AT)
    (event,) = market.events
    other = await market.post()
    await market.remove(other)
    assert await market.expiring.plan(event.stored(TOLD_AT)) is not None
    await market.remove(listing_id)
    assert await market.expiring.plan(event.stored(TOLD_AT)) is None


async def test_a_listing_with_less_than_two_hours_left_is_told_of_to_nobody(
    market: Market,
) -> None:
    market.clock.at = TOLD_AT + MINUTE
    await market.interest(await market.post())
    assert await market.look(TOLD_AT + 2 * MINUTE) == []


async def test_after_an_outage_it_is_told_while_the_listing_is_there(market: Market) -> None:
    await market.post()
    (_,) = await market.look(EXPIRES - MINUTE)
    await market.post()
    assert await market.look(EXPIRES) == []


async def test_created_again_for_another_time_it_is_told_of_then(market: Market) -> None:
    listing_id = await market.post()
    await market.post(EXPIRES + 4 * HOUR, listing_id=listing_id)
    assert await market.look(TOLD_AT) == []
    (_,) = await market.look(TOLD_AT + 4 * HOUR)
    await market.post(EXPIRES + 4 * HOUR, listing_id=listing_id)
    assert await market.look(TOLD_AT + 5 * HOUR) == []


async def test_carried_out_as_of_a_time_ahead_it_is_as_if_it_were_then(market: Market) -> None:
    await market.post()
    await market.post(EXPIRES - 3 * HOUR)
    (fan_out,) = await market.look(POSTED, by=TOLD_AT)
    assert fan_out.content.data["expiry_date"].startswith(EXPIRES.isoformat()[:19])


async def test_what_is_told_names_the_listing_and_its_business(market: Market) -> None:
    business, owner = uuid4(), uuid4()
    fields = {"name": "Mario's", "owner_id": str(owner)}
    await market.stores.businesses.apply([BusinessChange(business, fields, POSTED)])
    listing_id = await market.post(business_id=str(business))
    (fan_out,) = await market.look(TOLD_AT)
    content = fan_out.content
    assert content.kind.name == "listing_expiring"
    assert content.title == "Last chance: Margherita at Mario's"
    assert content.message == (
        "Margherita expires within two hours. Collect at 12 Long Street, Cape Town."
    )
    assert content.data == {
        "listing_id": listing_id,
        "business_id": str(business),
        "listing_name": "Margherita",
        "price": "12.50",
        "currency": "ZAR",
        "expiry_date": EXPIRES.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "pickup_location": "12 Long Street, Cape Town",
        "deep_link": f"savenbiteguild://listing/{listing_id}",
    }
    assert (content.business_id, content.sender_id) == (business, owner)


def test_long_names_are_cut_to_the_content_limits() -> None:
    details = ListingDetails(
        business_id=uuid4(),
        name="n" * 200,
        price="1",
        currency="ZAR",
        expiry_date=EXPIRES,
        pickup_location="p" * 500,
    )
    content = expiring_listing("770g", details, None)
    assert len(content.title) == TITLE_LIMIT
    assert len(content.message) <= MESSAGE_LIMIT


async def test_many_who_are_interested_come_in_batches_with_a_cursor(market: Market) -> None:
    listing_id = uuid4().hex
    people = [await market.interest(listing_id) for _ in range(40)]
    known = people[0]
    profile = ProfileChange(known, {"name": "Thandi", "user_type": "ngo"}, POSTED)
    await market.stores.users.apply([profile])
    audience = InterestedIn(
        market.stores.interests,
        market.stores.users,
        listing_id,
        by=TOLD_AT,
        expected=400,
    )
    sizer = BatchSizer()
    batches = [batch async for batch in audience.batches(sizer)]
    assert len(batches) > 1
    found = [recipient for batch in batches for recipient in batch.recipients]
    assert sorted(recipient.user_id for recipient in found) == sorted(people)
    assert {recipient.user_id for recipient in found if recipient.user_type == "ngo"} == {known}
    left = [batch async for batch in audience.batches(sizer, Stretch(batches[0].next_cursor))]
    assert sum(len(batch.recipients) for batch in left) == 40 - len(batches[0].recipients)
