from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import pytest

from rules.day_counts import DayCounts
from rules.days import Days
from rules.delivery_counts import DeliveryCounts
from rules.engagement import Engagement
from rules.insights import BusinessCounts
from rules.kinds import Channel
from rules.opt_outs import Way
from tests.storage.samples import MINUTE, NOON

if TYPE_CHECKING:
    from storage.stores import Stores

BAKERY, DAIRY = uuid4(), uuid4()


def some_counts(read: int, *businesses: UUID) -> DayCounts:
    engagement = Engagement(9, read, 1)
    return DayCounts(
        deliveries={
            ("new_listing", Channel.EMAIL): DeliveryCounts(created=3, sent=1, failed=1),
            ("new_listing", Channel.IN_APP): DeliveryCounts(created=3, sent=3, delivered=3),
        },
        engagement={"new_listing": engagement},
        engagement_by_channel={Channel.EMAIL: engagement},
        businesses=dict.fromkeys(businesses, BusinessCounts(engagement, Counter({7: read}))),
        opt_outs={("email", Way.UNSUBSCRIBED): 2, ("promotional", Way.SWITCHED_OFF): 1},
    )


@pytest.fixture
def day() -> date:
    """Return a day of the test's own."""
    return date(2020, 1, 1) + timedelta(days=uuid4().int % 2_000)


async def counted(stores: Stores, day: date) -> DayCounts:
    """Return the counts of a day with those of its businesses."""
    alone = Days(day, day)
    counts = (await stores.daily_stats.counts(alone))[day]
    for business_id in (BAKERY, DAIRY):
        found = await stores.daily_stats.of_business(business_id, alone)
        if day in found:
            counts.businesses[business_id] = found[day]
    return counts


async def test_counts_are_read_as_they_were_kept(stores: Stores, day: date) -> None:
    counts = some_counts(4, BAKERY, DAIRY)
    version = await stores.daily_stats.begin(day)
    assert await stores.daily_stats.keep(day, version, counts, counted_at=NOON)
    assert await counted(stores, day) == counts
    assert await stores.daily_stats.counted_at(Days.until(day, 9)) == {day: NOON}


async def test_a_day_is_replaced_as_a_whole(stores: Stores, day: date) -> None:
    for counts in (some_counts(4, BAKERY, DAIRY), some_counts(5, DAIRY), DayCounts()):
        version = await stores.daily_stats.begin(day)
        assert await stores.daily_stats.keep(day, version, counts, counted_at=NOON)
        assert await counted(stores, day) == counts


async def test_who_began_later_stays(stores: Stores, day: date) -> None:
    earlier, later = [await stores.daily_stats.begin(day) for _ in range(2)]
    assert earlier < later
    stats = stores.daily_stats
    assert await stats.keep(day, later, some_counts(5, BAKERY), counted_at=NOON + MINUTE)
    assert not await stats.keep(day, earlier, some_counts(4, BAKERY), counted_at=NOON)
    assert await counted(stores, day) == some_counts(5, BAKERY)


async def test_what_is_begun_and_not_kept_is_not_counted(stores: Stores, day: date) -> None:
    await stores.daily_stats.begin(day)
    alone = Days(day, day)
    assert await stores.daily_stats.counts(alone) == {}
    assert await stores.daily_stats.counted_at(alone) == {}
    assert await stores.daily_stats.of_business(BAKERY, alone) == {}


async def test_the_first_day_is_settled_once(stores: Stores) -> None:
    assert await stores.daily_stats.since() is None
    for day in (date(2026, 11, 20), date(2026, 11, 22)):
        await stores.daily_stats.begin_with(day)
        assert await stores.daily_stats.since() == date(2026, 11, 20)
