"""What a digest says of a week, and to whom."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest

from actors.flows.audiences import Audiences
from actors.flows.on_offer import OnOffer
from actors.flows.weekly_digests import Digests, WeeklyDigestDue
from rules.ids import digest_key
from rules.preferences import Preferences
from rules.recipients import Recipient
from storage.events import StoredEvent
from storage.listings import ListingChange, ListingDetails
from storage.names import NameResolver
from storage.positions import PositionClock
from storage.stores import Stores
from tests.storage.consistency import follow
from tests.storage.samples import a_business, an_event

HOUR = timedelta(hours=1)


@pytest.fixture
def flow(stores: Stores, clock: PositionClock) -> WeeklyDigestDue:
    names = NameResolver(stores.users, stores.businesses)
    return WeeklyDigestDue(stores, names, Audiences(stores), clock)


def due(until: datetime, timezone: str = "Africa/Johannesburg") -> StoredEvent:
    data = {"timezone": timezone, "monday": "2026-11-23", "until": until.isoformat()}
    return an_event(type="weekly_digest.due", data=data).stored(until)


async def planned(flow: WeeklyDigestDue, event: StoredEvent) -> Digests:
    digests = await flow.plan(event)
    assert digests is not None
    return digests


async def follower(stores: Stores, *businesses: UUID) -> Recipient:
    user_id = uuid4()
    for business in businesses:
        await follow(stores.following, user_id, "customer", business)
    return Recipient(user_id=user_id)


async def offer(stores: Stores, business: UUID, *, expires_at: datetime, count: int = 1) -> None:
    now = expires_at - HOUR
    details = ListingDetails(
        business_id=business,
        name="Bread",
        price="12.50",
        currency="ZAR",
        expiry_date=expires_at,
        pickup_location="12 Long Street",
    )
    await stores.listings.apply(
        [
            ListingChange(listing_id=uuid4().hex, occurred_at=now, accepted_at=now, details=details)
            for _ in range(count)
        ],
        at=now,
    )


async def test_each_is_told_their_own_and_all_zones_have_one_cause(
    flow: WeeklyDigestDue, stores: Stores, clock: PositionClock
) -> None:
    now = clock.store_now()
    bakery, grocer = await a_business(stores), await a_business(stores, name="Greens")
    await offer(stores, bakery, expires_at=now + 2 * HOUR)
    await offer(stores, grocer, expires_at=now + HOUR)
    one, both, none = (
        await follower(stores, bakery),
        await follower(stores, bakery, grocer),
        await follower(stores),
    )
    event = due(now + HOUR)
    digests = await planned(flow, event)
    notices = await digests.notices(event, [one, both, none])
    told = {
        notice.recipients[0].user_id: [
            listing["business_name"] for listing in notice.content.data["listings"]
        ]
        for notice in notices
    }
    # What goes first comes first.
    assert told == {one.user_id: ["Corner Bakery"], both.user_id: ["Greens", "Corner Bakery"]}
    in_new_york = due(now + HOUR, "America/New_York")
    (again,) = await (await planned(flow, in_new_york)).notices(in_new_york, [one])
    causes = {(each.event.key, each.event.accepted_at) for each in (*notices, again)}
    assert len(causes) == 1
    assert again.event.key == digest_key(again.event.accepted_at.date())


async def test_ten_are_shown_and_all_are_counted(
    flow: WeeklyDigestDue, stores: Stores, clock: PositionClock
) -> None:
    now = clock.store_now()
    bakery = await a_business(stores)
    await offer(stores, bakery, expires_at=now + HOUR, count=12)
    event = due(now + HOUR)
    someone = await follower(stores, bakery)
    (notice,) = await (await planned(flow, event)).notices(event, [someone])
    assert len(notice.content.data["listings"]) == 10
    assert notice.content.data["offers"] == 12


async def test_a_business_that_nobody_has_told_of_has_no_name(
    flow: WeeklyDigestDue, stores: Stores, clock: PositionClock
) -> None:
    now, unknown = clock.store_now(), uuid4()
    await offer(stores, unknown, expires_at=now + HOUR)
    event = due(now + HOUR)
    someone = await follower(stores, unknown)
    (notice,) = await (await planned(flow, event)).notices(event, [someone])
    assert notice.content.data["listings"][0]["business_name"] is None


async def test_muted_businesses_and_those_who_want_none_are_left_out(
    flow: WeeklyDigestDue, stores: Stores, clock: PositionClock
) -> None:
    now = clock.store_now()
    bakery = await a_business(stores)
    await offer(stores, bakery, expires_at=now + HOUR)
    event = due(now + HOUR)
    digests = await planned(flow, event)
    someone, idle = await follower(stores, bakery), await follower(stores)
    muting = Preferences(muted_businesses=(str(bakery),))
    unwilling = Preferences(weekly_digest=False)
    muted = [Recipient(user_id=each.user_id, preferences=muting) for each in (someone, idle)]
    assert not await digests.notices(event, muted)
    assert not await digests.notices(
        event, [Recipient(user_id=someone.user_id, preferences=unwilling)]
    )


async def test_what_would_come_too_late_is_not_planned_and_not_gone_on_with(
    flow: WeeklyDigestDue, stores: Stores, clock: PositionClock
) -> None:
    now = clock.store_now()
    bakery = await a_business(stores)
    await offer(stores, bakery, expires_at=now + HOUR)
    someone = await follower(stores, bakery)
    assert await flow.plan(due(now)) is None
    digests = await planned(flow, due(now + HOUR))
    assert not await digests.notices(due(now), [someone])


async def test_what_a_business_offers_is_asked_once_a_minute(
    stores: Stores, clock: PositionClock
) -> None:
    now, bakery, idle = clock.store_now(), uuid4(), uuid4()
    on_offer = OnOffer(stores.listings)
    await offer(stores, bakery, expires_at=now + HOUR)
    first = await on_offer.of([bakery, idle], at=now)
    assert first.keys() == {bakery}
    await offer(stores, bakery, expires_at=now + HOUR)
    assert await on_offer.of([bakery, idle, bakery], at=now) == first
    assert len((await OnOffer(stores.listings).of([bakery], at=now))[bakery]) == 2
