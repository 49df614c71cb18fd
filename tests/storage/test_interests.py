"""Who has shown interest in what, and since when."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

from rules.slots import SLOTS
from storage.interests import KEPT, Interest
from tests.storage.samples import MINUTE, NOON

if TYPE_CHECKING:
    from storage.stores import Stores


async def test_who_showed_none_has_none(stores: Stores) -> None:
    assert await stores.interests.find("770g", uuid4()) is None


async def test_of_interest_shown_again_the_first_time_counts_in_any_order(stores: Stores) -> None:
    listing_id, user_id, other = uuid4().hex, uuid4(), uuid4()
    later, first = (Interest(listing_id, user_id, NOON + n * MINUTE) for n in (1, 0))
    await stores.interests.record([later, Interest(listing_id, other, NOON)], at=NOON)
    await stores.interests.record([first, later], at=NOON + MINUTE)
    assert await stores.interests.find(listing_id, user_id) == first
    row = await stores.interests._interests.find_one({"listing_id": listing_id, "user_id": user_id})
    assert row is not None
    assert row["purge_at"] == NOON + MINUTE + KEPT


async def test_somebody_s_interests_are_exported(stores: Stores) -> None:
    user_id = uuid4()
    shown = [Interest(uuid4().hex, user_id, NOON) for _ in range(2)]
    await stores.interests.record([*shown, Interest("770g", uuid4(), NOON)], at=NOON)
    rows = [row async for rows in stores.interests.exported(user_id) for row in rows]
    assert {row["listing_id"] for row in rows} == {interest.listing_id for interest in shown}


async def test_who_is_interested_is_read_by_slots(stores: Stores) -> None:
    listing_id, other = uuid4().hex, uuid4().hex
    shown = [Interest(listing_id, uuid4(), NOON + n * MINUTE) for n in range(20)]
    await stores.interests.record([*shown, Interest(other, uuid4(), NOON)], at=NOON)
    assert await stores.interests.count(listing_id) == 20
    halves = [
        await stores.interests.range(listing_id, slot_from=first, slot_to=first + SLOTS // 2)
        for first in (0, SLOTS // 2)
    ]
    assert all(halves)
    assert {interest.user_id: interest for half in halves for interest in half} == {
        interest.user_id: interest for interest in shown
    }
    assert len(await stores.interests.range(listing_id, slot_from=0, slot_to=SLOTS, limit=3)) == 3
