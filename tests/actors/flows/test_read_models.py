"""Events of which nobody is told yet are kept, many at a time and in any order."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from actors.flows.deletions import UserDeletions
from actors.flows.expiry import ExpiryPlans
from actors.flows.interests import ListingInterests
from actors.flows.listings import ListingRemovals
from actors.flows.pickups import Pickups
from actors.flows.plan import NOTHING
from actors.planning import Planning
from actors.tally import Tally
from storage.events import StoredEvent
from storage.positions import PositionClock
from storage.stores import Stores
from tests.storage.samples import MINUTE, NOON, an_event
from tests.support.world import pickup


def said(type_: str, minute: int, data: dict[str, Any]) -> StoredEvent:
    at = NOON + minute * MINUTE
    return an_event(type=type_, lane="read_model", occurred_at=at, data=data).stored(NOON)


def nobody_waits(_: datetime) -> None:
    """Take no note of what is planned."""


@pytest.fixture
def planning(stores: Stores, clock: PositionClock) -> Planning:
    return Planning(stores.schedules, nobody_waits, clock, Tally())


@pytest.mark.parametrize("status", ["completed", "cancelled"])
async def test_pickups_are_kept_with_how_they_stand(
    status: str, stores: Stores, planning: Planning, clock: PositionClock
) -> None:
    data = pickup(uuid4(), uuid4(), pickup_time="2026-11-23T10:00:00+02:00", items=["Bread"])
    interaction_id = data["interaction_id"]
    ended = said(f"pickup.{status}", 1, {"interaction_id": interaction_id})
    flow = Pickups(stores.pickups, planning, clock)
    assert await flow.plan([ended, said("pickup.scheduled", 0, data)]) == [NOTHING, NOTHING]
    found = await stores.pickups.find(interaction_id)
    assert found is not None
    assert found.details is not None
    assert found.status == status
    assert found.details.pickup_time == NOON + timedelta(hours=20)
    assert (found.details.items, found.details.contact_phone) == (["Bread"], None)


async def test_removed_listings_are_kept(
    stores: Stores, planning: Planning, clock: PositionClock
) -> None:
    ids = [uuid4().hex for _ in range(2)]
    flow = ListingRemovals(stores.listings, ExpiryPlans(stores.listings, planning), clock)
    await flow.apply([said("listing.removed", 0, {"listing_id": listing_id}) for listing_id in ids])
    for listing_id in ids:
        found = await stores.listings.find(listing_id)
        assert found is not None
        assert found.is_removed


async def test_interest_is_kept(stores: Stores, clock: PositionClock) -> None:
    listing_id, users = uuid4().hex, [uuid4() for _ in range(2)]
    flow = ListingInterests(stores.interests, clock)
    await flow.apply(
        [
            said("listing.interest", 1, {"listing_id": listing_id, "user_id": str(user_id)})
            for user_id in users
        ]
    )
    for user_id in users:
        found = await stores.interests.find(listing_id, user_id)
        assert found is not None
        assert found.occurred_at == NOON + MINUTE


async def test_deletions_are_kept_with_the_newest_time(stores: Stores) -> None:
    user_id = uuid4()
    data = {"id": str(user_id)}
    await UserDeletions(stores.users).apply(
        [said("user.deleted", minute, data) for minute in (1, 2, 0)]
    )
    stored = await stores.users.exported(user_id)
    assert stored is not None
    assert stored["deleted_at"] == NOON + 2 * MINUTE
