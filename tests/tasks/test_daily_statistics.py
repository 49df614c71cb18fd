"""What is kept of days, against a count of everything by hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from motor.motor_asyncio import AsyncIOMotorDatabase
from pymongo.monitoring import (
    CommandFailedEvent,
    CommandListener,
    CommandStartedEvent,
    CommandSucceededEvent,
)
from tornado.ioloop import IOLoop

from rules.day_counts import DayCounts
from rules.days import A_DAY, Days, day_of, ends_at, starts_at
from rules.deliveries import DeliveryStatus, Settled
from rules.delivery_counts import DeliveryCounts
from rules.engagement import Engagement
from rules.kinds import Channel
from rules.opt_outs import Way
from storage.client import Document, open_client
from storage.delivery_entries import Entry
from storage.encryption import FieldCipher
from storage.notifications import NotificationRow, NotInInbox
from storage.positions import PositionClock
from storage.stores import Stores, open_stores
from tasks.daily_statistics import DailyStatistics
from tests.storage.samples import KEY, OURS, a_row

CLAIM = UUID(int=7)
BY_MAIL: dict[str, Any] = {
    "channels": {"in_app": {"status": "delivered"}, "email": {"status": "queued"}}
}
HOUR = timedelta(hours=1)
TOLD_BY_BUSINESSES = {"new_listing", "business_update"}
"""Of the kinds used here; reviews are told to the business, promotions by the platform."""

BUSINESSES = [uuid4() for _ in range(2)]


class Platform:
    """A database with nothing in it, and who counts it."""

    def __init__(self, database: AsyncIOMotorDatabase[Document], clock: PositionClock) -> None:
        self.database = database
        self.clock = clock
        self.stores = open_stores(database, FieldCipher([KEY]), clock)
        self.now = clock.store_now()
        self.today = day_of(self.now)
        self.rows: list[NotificationRow] = []

    def statistics(self, stores: Stores | None = None) -> DailyStatistics:
        """Return one who counts."""
        stores = stores or self.stores
        return DailyStatistics(stores.fates, stores.opt_outs, stores.daily_stats, self.clock)

    def day(self, days_ago: int) -> date:
        """Return the day so many days ago."""
        return self.today - days_ago * A_DAY

    async def notify(self, days_ago: int, **changes: Any) -> NotificationRow:
        """Make a notification in the middle of a day so many days ago."""
        at = starts_at(self.day(days_ago)) + 12 * HOUR
        row = a_row(uuid4(), created_at=at, **changes)
        await self.stores.notifications.insert([row])
        self.rows.append(row)
        return row

    async def kept(self, day: date) -> DayCounts:
        """Return what is kept of a day, businesses included."""
        alone = Days(day, day)
        counts = (await self.stores.daily_stats.counts(alone))[day]
        for business_id in BUSINESSES:
            found = await self.stores.daily_stats.of_business(business_id, alone)
            if day in found:
                counts.businesses[business_id] = found[day]
        return counts

    async def counted_by_hand(self, day: date) -> tuple[Any, Any, Any]:
        """Return deliveries, engagement and what each business got of a day, row by row."""
        deliveries: dict[Any, DeliveryCounts] = {}
        engagement: dict[str, Engagement] = {}
        businesses: dict[UUID, Engagement] = {}
        made = {"created_at": {"$gte": starts_at(day), "$lt": ends_at(day)}}
        async for row in self.database["notifications"].find(made):
            states = {name: state["status"] for name, state in row["channels"].items()}
            for name, status in states.items():
                key = (row["kind"], Channel(name))
                one = DeliveryCounts.of(DeliveryStatus(status))
                deliveries[key] = deliveries.get(key, DeliveryCounts()) + one
            if set(states.values()) == {"suppressed"}:
                continue
            one_row = Engagement(1, int(row["is_read"]), int("clicked_at" in row))
            nothing = Engagement(0, 0, 0)
            engagement[row["kind"]] = engagement.get(row["kind"], nothing) + one_row
            if row["business_id"] in BUSINESSES and row["kind"] in TOLD_BY_BUSINESSES:
                known = businesses.get(row["business_id"], nothing)
                businesses[row["business_id"]] = known + one_row
        return deliveries, engagement, businesses

    async def assert_right(self, day: date) -> None:
        """Assert that what is kept of a day is what is there."""
        kept = await self.kept(day)
        by_business = {name: counts.engagement for name, counts in kept.businesses.items()}
        found = (kept.deliveries, kept.engagement, by_business)
        assert found == await self.counted_by_hand(day)
        for counts in kept.businesses.values():
            assert counts.reads.total() == counts.engagement.read


@pytest.fixture
async def platform(mongodb_uri: str, indexed_database_name: str) -> AsyncIterator[Platform]:
    client = open_client(mongodb_uri, app_name="tests")
    database = client[indexed_database_name]
    yield Platform(database, PositionClock())
    for name in ("notifications", "daily_stats", "business_stats", "opt_outs", "users"):
        await database[name].delete_many({})
    await client.aclose()


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


class Killing(CommandListener):
    """Cancels a task as soon as its store was sent so many commands, like a kill in between."""

    def __init__(self, after: int) -> None:
        self._left = after
        self._loop = asyncio.get_running_loop()
        self.task: asyncio.Task[Any] | None = None

    def started(self, event: CommandStartedEvent) -> None:
        self._left -= 1
        if self._left == 0 and self.task is not None:
            self._loop.call_soon_threadsafe(self.task.cancel)

    def succeeded(self, event: CommandSucceededEvent) -> None:
        pass

    def failed(self, event: CommandFailedEvent) -> None:
        pass


async def killed_after(platform: Platform, commands: int, uri: str) -> bool:
    """Count until that many commands were sent; tell whether it was not done before."""
    killing = Killing(commands)
    client = open_client(uri, app_name="tests", event_listeners=[killing])
    stores = open_stores(client[platform.database.name], FieldCipher([KEY]), platform.clock)
    killing.task = asyncio.create_task(platform.statistics(stores).count_open(platform.now))
    try:
        await killing.task
    except asyncio.CancelledError:
        return True
    finally:
        await client.aclose()
    return False


async def test_a_job_killed_anywhere_leaves_what_the_next_one_makes_right(
    platform: Platform, mongodb_uri: str
) -> None:
    await platform.notify(2, business_id=BUSINESSES[0])
    await platform.statistics().count_open(platform.now)
    commands = 1
    while True:
        row = await platform.notify(1 + commands % 2, business_id=BUSINESSES[commands % 2])
        user_id = uuid4()
        await platform.stores.users.change_preferences(
            user_id, {"mute_all": True}, user_type="ngo", at=row.created_at
        )
        was_killed = await killed_after(platform, commands, mongodb_uri)
        await platform.statistics().count_open(platform.now)
        opt_outs = 0
        for days_ago in (2, 1):
            await platform.assert_right(platform.day(days_ago))
            kept = await platform.kept(platform.day(days_ago))
            opt_outs += kept.opt_outs.get(("all", Way.SWITCHED_OFF), 0)
        assert opt_outs == commands
        if not was_killed:
            break
        commands += 1
    assert commands > 20


def settled_at(status: DeliveryStatus, row: NotificationRow, at: datetime) -> Entry:
    return Entry(ref=(row.recipient_id, row.id), stands=Settled(status), at=at)


async def become(platform: Platform, row: NotificationRow, what: str) -> None:
    """Have something happen to a notification, as the service has it happen."""
    stores, now = platform.stores, platform.now
    match what:
        case "read":
            await stores.notifications.mark_read(row.recipient_id, [row.id], at=now)
        case "click":
            with suppress(NotInInbox):
                await stores.notifications.click(row.recipient_id, row.id, action="view", at=now)
        case "delete":
            await stores.notifications.delete(row.recipient_id, row.id, at=now)
        case "blank":
            # What is left of it after ninety days (contract section 6).
            gone: dict[str, Any] = {"title": "", "message": "", "data": {}, "sender_id": None}
            await platform.database["notifications"].update_one(
                {"_id": row.id}, {"$set": gone, "$unset": {"inbox": "", "unread": ""}}
            )
        case "remove":
            await platform.database["notifications"].delete_one({"_id": row.id})
        case _:
            claimed = await stores.deliveries.claim(
                "email",
                [(row.recipient_id, row.id)],
                OURS,
                claim=CLAIM,
                at=now,
                recheck_at=now + HOUR,
            )
            if claimed:
                entry = settled_at(DeliveryStatus(what), row, now)
                await stores.deliveries.record("email", CLAIM, [entry])


HAPPENINGS = ("read", "click", "delete", "blank", "remove", "sent", "dead", "deferred", "bounced")
CHANNELS = (
    {"in_app": {"status": "delivered"}},
    {"in_app": {"status": "delivered"}, "email": {"status": "queued"}},
    {"in_app": {"status": "suppressed"}, "email": {"status": "queued"}},
    {"in_app": {"status": "suppressed"}, "email": {"status": "suppressed"}},
)
NOTIFICATIONS = st.lists(
    st.tuples(
        st.integers(1, 3),
        st.sampled_from(("new_listing", "business_update", "review_received", "promotional")),
        st.sampled_from((*BUSINESSES, None)),
        st.sampled_from(CHANNELS),
    ),
    min_size=1,
    max_size=8,
)
STEPS = st.lists(
    st.one_of(st.just(("count", 0)), st.tuples(st.sampled_from(HAPPENINGS), st.integers(0, 7))),
    max_size=15,
)


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(made=NOTIFICATIONS, steps=STEPS)
def test_after_whatever_happened_what_is_kept_is_what_is_there(
    io_loop: IOLoop, platform: Platform, made: list[Any], steps: list[tuple[str, int]]
) -> None:
    """What earlier examples left in the same days counts along."""

    async def run() -> None:
        await platform.stores.daily_stats.begin_with(platform.day(3))
        rows = [
            await platform.notify(
                days_ago,
                kind=kind,
                business_id=business_id,
                channels=channels,
                in_app=channels["in_app"]["status"] == "delivered",
            )
            for days_ago, kind, business_id, channels in made
        ]
        for what, number in steps:
            if what == "count":
                await platform.statistics().count_open(platform.now)
            else:
                await become(platform, rows[number % len(rows)], what)
        await platform.statistics().count_open(platform.now)
        for days_ago in (3, 2, 1):
            await platform.assert_right(platform.day(days_ago))

    io_loop.run_sync(run)
