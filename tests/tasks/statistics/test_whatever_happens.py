"""Whatever happens to notifications, what is kept of their days is what is there."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tornado.ioloop import IOLoop

from rules.deliveries import DeliveryStatus, Settled
from storage.delivery_entries import Entry
from storage.notifications import NotificationRow, NotInInbox
from tests.storage.samples import OURS
from tests.tasks.statistics.platform import BUSINESSES, HOUR, Platform

CLAIM = UUID(int=7)


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
