from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest

from rules.ids import follow_id
from rules.slots import slot_of
from storage.businesses import Business
from storage.followers import Followers
from tests.storage.samples import MINUTE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from motor.motor_asyncio import AsyncIOMotorDatabase

    from storage.client import Document
    from storage.positions import PositionClock
    from storage.stores import Stores

NOON = datetime(2025, 11, 22, 12, tzinfo=UTC)
MOST_READ = 20
YEAR = timedelta(days=365)


async def followed(
    database: AsyncIOMotorDatabase[Document], business_id: UUID, times: Sequence[datetime]
) -> list[UUID]:
    """Have somebody follow at each of `times`, every third an NGO; return who, newest first."""
    rows: list[dict[str, Any]] = [
        {
            "_id": follow_id(business_id, user_id := uuid4()),
            "business_id": business_id,
            "user_id": user_id,
            "slot": slot_of(user_id),
            "user_type": "ngo" if number % 3 == 0 else "customer",
            "is_active": True,
            "first_followed_at": at,
            "followed_at": at,
            "gaps": [],
            "revision": 1,
        }
        for number, at in enumerate(times)
    ]
    await database["follows"].insert_many(rows)
    newest_first = sorted(rows, key=lambda row: (row["followed_at"], row["_id"]), reverse=True)
    return [row["user_id"] for row in newest_first]


def a_business_with(followers: int) -> Business:
    return Business(
        id=uuid4(),
        owner_id=uuid4(),
        name="Corner Bakery",
        logo=None,
        address=None,
        rating=None,
        followers_count=followers,
    )


SPREADS = {
    "evenly over a year": [NOON - n * YEAR / 157 for n in range(157)],
    "most within a second": [NOON - n * timedelta(milliseconds=3) for n in range(120)]
    + [NOON - YEAR - n * MINUTE for n in range(7)],
    "all at the same instant": [NOON] * 57,
    "one long ago": [NOON - n * MINUTE for n in range(40)] + [NOON - 30 * YEAR],
    "few": [NOON - n * MINUTE for n in range(7)],
}


@pytest.mark.parametrize("times", SPREADS.values(), ids=SPREADS)
@pytest.mark.parametrize("user_type", [None, "ngo"])
async def test_the_pages_together_are_all_followers_newest_first(
    times: list[datetime],
    user_type: str | None,
    stores: Stores,
    clock: PositionClock,
    database: AsyncIOMotorDatabase[Document],
) -> None:
    business = a_business_with(len(times))
    everybody = await followed(database, business.id, times)
    followers = Followers(stores.follows, clock, most_read=MOST_READ)
    listed: list[UUID] = []
    page = 1
    while True:
        found = await followers.page(business, page=page, page_size=9, user_type=user_type)
        if not found.follows:
            break
        assert len(found.follows) == 9 or len(listed) + len(found.follows) == found.count
        listed += [follow.user_id for follow in found.follows]
        page += 1
    if user_type is None:
        assert listed == everybody
    else:
        ngos = {
            row["user_id"]
            async for row in database["follows"].find(
                {"business_id": business.id, "user_type": user_type}
            )
        }
        assert listed == [user_id for user_id in everybody if user_id in ngos]
    assert found.count == len(listed)


async def test_who_has_left_and_who_follows_another_are_not_listed(
    stores: Stores, clock: PositionClock, database: AsyncIOMotorDatabase[Document]
) -> None:
    business, other = a_business_with(2), a_business_with(1)
    stays, leaves = await followed(database, business.id, [NOON, NOON - MINUTE])
    await followed(database, other.id, [NOON])
    await database["follows"].update_one({"user_id": leaves}, {"$set": {"is_active": False}})
    page = await Followers(stores.follows, clock).page(business, page=1, page_size=50)
    assert (page.count, [follow.user_id for follow in page.follows]) == (1, [stays])
