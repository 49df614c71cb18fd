"""What is kept of days, against a count of everything by hand."""

from __future__ import annotations

import asyncio
from uuid import uuid4

from rules.days import A_DAY, Days, starts_at
from rules.engagement import Engagement
from rules.opt_outs import Way
from tasks.daily_statistics import DailyStatistics
from tests.tasks.statistics.platform import BUSINESSES, BY_MAIL, HOUR, Platform


async def test_days_that_are_over_are_counted_and_today_is_not(platform: Platform) -> None:
    for days_ago in (3, 1, 1, 0):
        await platform.notify(days_ago, business_id=BUSINESSES[0])
    assert await platform.statistics().count_due(platform.now) == 3
    days = Days(platform.day(3), platform.today)
    kept = await platform.stores.daily_stats.counts(days)
    assert [each.engagement.get("new_listing") for each in kept.values()] == [
        Engagement(1, 0, 0),
        None,
        Engagement(2, 0, 0),
    ]
    assert list(kept) == [platform.day(3), platform.day(2), platform.day(1)]
    for day in kept:
        await platform.assert_right(day)


async def test_a_large_today_is_counted_as_often_as_its_age_asks_for(platform: Platform) -> None:
    stores = platform.stores
    statistics = DailyStatistics(
        stores.fates, stores.opt_outs, stores.daily_stats, platform.clock, most_at_once=1
    )
    noon = starts_at(platform.today) + 12 * HOUR
    await platform.notify(0, business_id=BUSINESSES[0])
    assert await statistics.count_due(noon) == 0
    await platform.notify(0, business_id=BUSINESSES[0])
    assert await statistics.count_due(noon) == 1
    await platform.assert_right(platform.today)


async def test_where_there_is_nothing_yet_nothing_is_counted(platform: Platform) -> None:
    assert await platform.statistics().count_due(platform.now) == 0
    assert await platform.stores.daily_stats.since() == platform.today
    assert await platform.statistics().count_due(platform.now) == 0


async def test_a_day_is_counted_again_when_its_age_asks_for_it(platform: Platform) -> None:
    row = await platform.notify(1)
    statistics = platform.statistics()
    assert await statistics.count_due(platform.now) == 1
    await platform.stores.notifications.mark_read(row.recipient_id, [row.id], at=platform.now)
    assert await statistics.count_due(platform.now) == 0
    assert (await platform.kept(platform.day(1))).engagement["new_listing"].read == 0
    # By hand everything is counted that may have changed.
    assert await statistics.count_open(platform.now) == 1
    await platform.assert_right(platform.day(1))
    assert (await platform.kept(platform.day(1))).engagement["new_listing"].read == 1


async def test_a_day_is_frozen_before_its_rows_go(platform: Platform) -> None:
    rows = [await platform.notify(days_ago) for days_ago in (100, 89)]
    statistics = platform.statistics()
    await statistics.count_open(platform.now)
    await platform.database["notifications"].delete_many({"_id": {"$in": [row.id for row in rows]}})
    await statistics.count_open(platform.now)
    old, newer = [await platform.kept(platform.day(days_ago)) for days_ago in (100, 89)]
    assert old.engagement == {"new_listing": Engagement(1, 0, 0)}
    assert newer.engagement == {}


async def test_a_time_to_come_is_now(platform: Platform) -> None:
    row = await platform.notify(1)
    await platform.notify(0)
    statistics = platform.statistics()
    assert await statistics.count_open(platform.now + 150 * A_DAY) == 1
    assert await statistics.count_due(platform.now + 150 * A_DAY) == 0
    assert await platform.stores.daily_stats.since() == platform.day(1)
    await platform.stores.notifications.mark_read(row.recipient_id, [row.id], at=platform.now)
    await statistics.count_open(platform.now)
    await platform.assert_right(platform.day(1))
    assert (await platform.kept(platform.day(1))).engagement["new_listing"].read == 1


async def test_of_businesses_only_what_insights_show_is_kept(platform: Platform) -> None:
    for days_ago in (29, 30):
        await platform.notify(days_ago, business_id=BUSINESSES[0])
    await platform.statistics().count_open(platform.now)
    assert BUSINESSES[0] in (await platform.kept(platform.day(29))).businesses
    assert not (await platform.kept(platform.day(30))).businesses


async def test_opt_outs_of_a_day_are_kept_with_it(platform: Platform) -> None:
    await platform.notify(2)
    for days_ago in (2, 1, 0):
        await platform.stores.users.change_preferences(
            uuid4(),
            {"mute_all": True},
            user_type="ngo",
            at=starts_at(platform.day(days_ago)),
        )
    await platform.statistics().count_due(platform.now)
    for days_ago in (2, 1):
        kept = await platform.kept(platform.day(days_ago))
        assert kept.opt_outs == {("all", Way.SWITCHED_OFF): 1}
    # Gathered: nothing of it is with anybody any more.
    assert await platform.database["users"].count_documents({"opt_outs": {"$exists": True}}) == 0


async def test_two_may_count_at_once_while_things_change(platform: Platform) -> None:
    rows = [
        await platform.notify(days_ago, business_id=BUSINESSES[n % 2], **BY_MAIL)
        for n, days_ago in enumerate((3, 3, 2, 1, 1, 1))
    ]

    async def read_all() -> None:
        for row in rows:
            await platform.stores.notifications.mark_read(
                row.recipient_id, [row.id], at=platform.now
            )

    jobs = (platform.statistics().count_open(platform.now) for _ in range(3))
    await asyncio.gather(*jobs, read_all())
    await asyncio.gather(*(platform.statistics().count_open(platform.now) for _ in range(2)))
    for days_ago in (3, 2, 1):
        await platform.assert_right(platform.day(days_ago))
