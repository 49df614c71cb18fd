"""What is over the cap of a day is refused or dropped, and what was not sent is not counted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from motor.motor_asyncio import AsyncIOMotorDatabase

from actors.cap_gate import UNKNOWN_FOR, CapGate
from actors.flows.content import Content
from actors.notice import Notice
from actors.publisher import Published
from config.daily_caps import ChannelCaps
from config.daily_caps import DailyCaps as CapTable
from rules.gates import NOW
from rules.kinds import KINDS, Channel
from rules.quiet_hours import QuietHours
from rules.recipients import Recipient
from storage.cap_ledger import CapLedger
from storage.charges import ChargesRepository
from storage.client import Document
from storage.daily_caps import AWAY_FOR_S, DailyCaps
from storage.positions import PositionClock
from storage.redis import RedisStore
from storage.stores import Stores
from tests.support.own_redis import OwnRedis, own_redis
from tests.support.publishing import LISTING, Publishing, stored
from tests.support.ticking import Ticking

IN_APP, EMAIL, PUSH, SMS = Channel
TABLE = CapTable(customer=ChannelCaps(3, 2, 1, 1))
AWAKE = QuietHours(is_enabled=False)
OVER_CAP = {"status": "suppressed", "reason": "daily_cap"}


@pytest.fixture
def monotonic() -> Ticking:
    return Ticking()


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[OwnRedis]:
    with own_redis(tmp_path / "redis") as server:
        yield server


@pytest.fixture
async def publishing(
    redis: OwnRedis,
    database: AsyncIOMotorDatabase[Document],
    stores: Stores,
    clock: PositionClock,
    monotonic: Ticking,
) -> AsyncIterator[Publishing]:
    bus = RedisStore(redis.url)
    caps = DailyCaps(
        CapLedger(bus),
        ChargesRepository(database),
        clock,
        settles_within_s=0.05,
        monotonic=monotonic,
    )
    await caps.begin(is_first=True)
    yield Publishing(stores, clock, caps=CapGate(TABLE, caps))
    await bus.close()


def notice(*recipients: Recipient, **changes: Any) -> Notice:
    return replace(Notice(event=stored(), content=LISTING, recipients=recipients), **changes)


def urgent() -> Content:
    return replace(LISTING, priority="critical")


def states(published: Published) -> list[dict[str, str]]:
    """Return what each row says: channel -> its reason, or else its status."""
    return [
        {
            channel: str(state.get("reason", state["status"]))
            for channel, state in row.channels.items()
        }
        for row in published.rows
    ]


async def test_what_is_over_the_cap_is_suppressed_channel_by_channel(
    publishing: Publishing,
) -> None:
    recipient = publishing.recipient(quiet_hours=AWAKE)
    found = []
    for _ in range(4):
        found += states(await publishing.publish_all(notice(recipient)))
    assert found == [
        {"in_app": "delivered", "email": "queued", "push": "queued"},
        {"in_app": "delivered", "email": "queued", "push": "daily_cap"},
        {"in_app": "delivered", "email": "daily_cap", "push": "daily_cap"},
        {"in_app": "daily_cap", "email": "daily_cap", "push": "daily_cap"},
    ]


async def test_a_row_over_the_cap_is_not_in_the_inbox(
    publishing: Publishing, stores: Stores
) -> None:
    recipient = publishing.recipient(quiet_hours=AWAKE)
    published = await publishing.publish_all(*(notice(recipient) for _ in range(4)))
    assert [row.in_app for row in published.rows] == [True, True, True, False]
    assert published.rows[3].channels["in_app"] == OVER_CAP
    assert await stores.notifications.unread_count(recipient.user_id) == 3


async def test_batches_at_once_share_what_is_left(publishing: Publishing) -> None:
    recipient = publishing.recipient(quiet_hours=AWAKE)
    published = await asyncio.gather(
        *(publishing.publish_all(notice(recipient), notice(recipient)) for _ in range(10))
    )
    rows = [row for each in published for row in each.rows]
    assert sum(row.in_app for row in rows) == 3


async def test_what_is_critical_is_neither_refused_nor_counted(publishing: Publishing) -> None:
    recipient = publishing.recipient(quiet_hours=AWAKE)
    for _ in range(4):
        critical = await publishing.publish_all(notice(recipient, content=urgent()))
        assert states(critical) == [{"in_app": "delivered", "email": "queued", "push": "queued"}]
    normal = await publishing.publish_all(notice(recipient))
    assert states(normal) == [{"in_app": "delivered", "email": "queued", "push": "queued"}]


async def test_what_waits_is_not_counted_yet(publishing: Publishing) -> None:
    quiet = publishing.recipient(quiet_hours=publishing.quiet_now())
    for _ in range(2):
        waiting = await publishing.publish_all(notice(quiet))
        assert states(waiting) == [
            {"in_app": "delivered", "email": "quiet_hours", "push": "quiet_hours"}
        ]
    awake = quiet._replace(preferences=replace(quiet.preferences, quiet_hours=AWAKE))
    now = await publishing.publish_all(notice(awake))
    assert states(now) == [{"in_app": "delivered", "email": "queued", "push": "queued"}]


async def test_what_another_gate_refuses_is_not_counted(publishing: Publishing) -> None:
    muted = publishing.recipient(quiet_hours=AWAKE, push_notifications=False)
    await publishing.publish_all(notice(muted))
    wanting = muted._replace(preferences=replace(muted.preferences, push_notifications=True))
    now = await publishing.publish_all(notice(wanting))
    assert states(now) == [{"in_app": "delivered", "email": "queued", "push": "queued"}]


async def test_a_welcome_counts_like_any_email(publishing: Publishing) -> None:
    recipient = publishing.recipient(quiet_hours=AWAKE)
    welcome = Content(kind=KINDS["welcome"], title="Welcome", message="Good to have you")
    found = []
    for _ in range(3):
        found += states(await publishing.publish_all(notice(recipient, content=welcome)))
    assert found == [{"email": "queued"}, {"email": "queued"}, {"email": "daily_cap"}]


async def test_who_is_refused_over_the_cap_gets_nothing_and_nothing_is_counted(
    publishing: Publishing,
) -> None:
    recipient = publishing.recipient(quiet_hours=AWAKE)
    inbox_only = (Channel.IN_APP,)
    await publishing.publish_all(*(notice(recipient, channels=inbox_only) for _ in range(3)))
    published = await publishing.publish_all(notice(recipient, is_refused_over_cap=True))
    assert (published.rows, len(published.refused)) == ((), 1)
    after = await publishing.publish_all(notice(recipient, channels=(EMAIL, PUSH)))
    assert states(after) == [{"email": "queued", "push": "queued"}]


async def test_a_batch_that_is_done_again_is_counted_once(publishing: Publishing) -> None:
    recipients = [publishing.recipient(quiet_hours=AWAKE) for _ in range(3)]
    batch = notice(*recipients)
    first = await publishing.publish_all(batch)
    again = await publishing.publish_all(batch)
    assert again.rows == first.rows
    assert len(again.resumed) == 3
    for recipient in recipients:
        more = await publishing.publish_all(*(notice(recipient) for _ in range(3)))
        assert [row.in_app for row in more.rows] == [True, True, False]


async def test_a_batch_that_was_reserved_and_never_inserted_is_counted_once(
    publishing: Publishing, stores: Stores
) -> None:
    """As when the process is killed between the two: nobody is refused for it, or counted twice."""
    recipient = publishing.recipient(quiet_hours=AWAKE)
    batch = notice(recipient)
    caps = publishing.caps
    drafts = publishing.drafts(batch)
    async with caps.passed(drafts, at=publishing.clock.store_now()):
        pass
    published = await publishing.publish_all(batch)
    assert states(published) == [{"in_app": "delivered", "email": "queued", "push": "queued"}]
    more = await publishing.publish_all(*(notice(recipient) for _ in range(3)))
    assert [row.in_app for row in more.rows] == [True, True, False]


async def test_what_was_refused_at_first_stays_refused_and_is_not_counted_later(
    publishing: Publishing,
) -> None:
    """The row of the first try says that it was over the cap; since then there is room again."""
    recipient = publishing.recipient(quiet_hours=AWAKE)
    filling = [notice(recipient) for _ in range(3)]
    await publishing.publish_all(*filling)
    late = notice(recipient)
    await publishing.publish_all(late)
    drafts = publishing.drafts(filling[0])
    async with publishing.caps.passed(drafts, at=publishing.clock.store_now()) as reserved:
        pass
    (reservation, channels) = reserved.by_id[drafts[0].id]
    await publishing.caps._caps.give_back([(reservation, channels)])
    again = await publishing.publish_all(late)
    assert states(again) == [{"in_app": "daily_cap", "email": "daily_cap", "push": "daily_cap"}]
    more = await publishing.publish_all(notice(recipient))
    assert states(more) == [{"in_app": "delivered", "email": "queued", "push": "queued"}]


async def test_a_row_of_yesterday_is_not_counted_today(publishing: Publishing) -> None:
    """A batch that was inserted before midnight, and is done again after it."""
    recipient = publishing.recipient(quiet_hours=AWAKE)
    batch = notice(recipient)
    published = await publishing.publish_all(batch)
    tomorrow = publishing.clock.store_now() + timedelta(days=1)
    drafts = publishing.drafts(batch)
    async with publishing.caps.passed(drafts, at=tomorrow) as reserved:
        pass
    await publishing.caps.give_back(reserved, list(zip(drafts, published.rows, strict=True)))
    more = [draft for _ in range(3) for draft in publishing.drafts(notice(recipient))]
    async with publishing.caps.passed(more, at=tomorrow):
        pass
    assert [draft.decisions[IN_APP] for draft in more] == [NOW] * 3


async def test_while_redis_is_away_the_app_is_held_to_what_the_store_counts_and_the_rest_waits(
    publishing: Publishing, redis: OwnRedis
) -> None:
    recipient = publishing.recipient(quiet_hours=AWAKE)
    await publishing.publish_all(notice(recipient))
    redis.stop()
    batch = notice(recipient)
    (row,) = (await publishing.publish_all(batch)).rows
    assert row.channels["in_app"] == {"status": "delivered"}
    assert row.channels["push"]["reason"] == "caps_unknown"
    assert row.channels["push"]["status"] == "deferred"
    assert timedelta(0) < row.channels["push"]["due_at"] - row.created_at <= UNKNOWN_FOR
    assert (await publishing.publish_all(batch)).rows == [row]
    published = await asyncio.gather(
        *(publishing.publish_all(notice(recipient), notice(recipient)) for _ in range(4))
    )
    rows = [row for each in published for row in each.rows]
    assert sum(row.in_app for row in rows) == 1
    assert publishing.queue.refs == [
        ref for ref in publishing.queue.refs if ref.notification_id != row.id
    ]


async def test_while_redis_is_away_what_has_no_cap_and_what_is_critical_goes_on(
    publishing: Publishing, redis: OwnRedis
) -> None:
    redis.stop()
    recipient = publishing.recipient(quiet_hours=AWAKE)
    critical = await publishing.publish_all(notice(recipient, content=urgent()))
    assert states(critical) == [{"in_app": "delivered", "email": "queued", "push": "queued"}]
    admin = recipient._replace(user_id=uuid4(), user_type="admin")
    published = await publishing.publish_all(notice(admin))
    assert states(published) == [
        {"in_app": "delivered", "email": "caps_unknown", "push": "caps_unknown"}
    ]


async def test_what_was_sent_without_redis_counts_when_it_is_back(
    publishing: Publishing, redis: OwnRedis, monotonic: Ticking
) -> None:
    recipient = publishing.recipient(quiet_hours=AWAKE)
    redis.halt()
    await publishing.publish_all(notice(recipient), notice(recipient))
    redis.go_on()
    monotonic.now_s += AWAY_FOR_S
    published = await publishing.publish_all(notice(recipient), notice(recipient))
    assert [row.in_app for row in published.rows] == [True, False]


async def test_what_cannot_be_given_back_is_let_go(publishing: Publishing, redis: OwnRedis) -> None:
    recipient = publishing.recipient(quiet_hours=AWAKE)
    drafts = publishing.drafts(notice(recipient))
    async with publishing.caps.passed(drafts, at=publishing.clock.store_now()) as reserved:
        pass
    redis.stop()
    muted = recipient._replace(preferences=replace(recipient.preferences, mute_all=True))
    (refused,) = (await publishing.publish_all(notice(muted))).rows
    await publishing.caps.give_back(reserved, [(drafts[0], refused)])
