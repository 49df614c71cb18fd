"""A database whose days are counted, and counted again by hand."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

from motor.motor_asyncio import AsyncIOMotorDatabase

from rules.day_counts import DayCounts
from rules.days import A_DAY, Days, day_of, ends_at, starts_at
from rules.deliveries import DeliveryStatus
from rules.delivery_counts import DeliveryCounts
from rules.engagement import Engagement
from rules.kinds import Channel
from storage.client import Document
from storage.encryption import FieldCipher
from storage.notifications import NotificationRow
from storage.positions import PositionClock
from storage.stores import Stores, open_stores
from tasks.daily_statistics import DailyStatistics
from tests.storage.samples import KEY, a_row

BY_MAIL: dict[str, Any] = {
    "channels": {"in_app": {"status": "delivered"}, "email": {"status": "queued"}}
}
HOUR = timedelta(hours=1)
TOLD_BY_BUSINESSES = {"new_listing", "business_update"}
"""Of the kinds that tests use; reviews are told to the business, promotions by the platform."""

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
