"""What is announced arrives once, and is counted once."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from actors import messages
from actors.count_ages import RECENT, RECOUNT_AFTER
from actors.frames import Announcement
from actors.inbox_change import OneDeleted, OneRead
from actors.kept_count import CLOCKS_APART
from actors.loop_ref import LoopActorRef
from actors.told import REMEMBERED
from actors.user import UserActor
from storage.client import StoreUnavailable
from tests.actors.user.home import NO_NAMES, Home
from tests.storage.samples import a_row
from tests.support.actors import Away, RecordingConnection
from tests.support.world import eventually


class _InDoubt:
    """A store whose writes take effect and are not acknowledged."""

    def __init__(self, notifications: Any) -> None:
        self._notifications = notifications

    def __getattr__(self, name: str) -> Any:
        return getattr(self._notifications, name)

    async def mark_all_read(self, *args: Any, **options: Any) -> int:
        await self._notifications.mark_all_read(*args, **options)
        raise StoreUnavailable("deadline")


async def _ended(ref: LoopActorRef[UserActor]) -> None:
    async def has_ended() -> bool:
        return not ref.is_alive()

    await eventually(has_ended)


async def test_a_connection_is_greeted_with_the_unread_count(home: Home) -> None:
    await home.row()
    connection = await home.attach()
    assert connection.frames == [
        {"type": "authentication_success", "user_id": str(home.user_id), "unread_count": 1}
    ]


async def test_an_announcement_counts_once_though_the_recount_had_it(home: Home) -> None:
    row = await home.row()
    connection = await home.attach()
    home.deliver(row)
    new = await home.row()
    home.deliver(new)
    await home.settled()
    assert [frame["data"]["unread_count"] for frame in connection.frames[1:]] == [1, 2]


async def test_a_repeated_announcement_is_dropped(home: Home) -> None:
    connection = await home.attach()
    row = await home.row()
    home.deliver(row)
    home.deliver(row)
    await home.settled()
    assert connection.types == ["authentication_success", "notification.new"]


async def test_what_is_announced_to_a_new_connection_comes_after_a_second_at_most(
    home: Home,
) -> None:
    connection = RecordingConnection()
    await home.ask(messages.Attach(connection))
    home.deliver(await home.row())
    await home.settled()
    assert connection.types == ["authentication_success"]

    async def is_released() -> bool:
        return connection.types == ["authentication_success", "notification.new"]

    await eventually(is_released)


async def test_holding_ends_quietly_when_the_connection_is_gone_before(home: Home) -> None:
    connection = await home.attach()
    actor = home.ref._actor_weakref()
    assert actor is not None
    attachment = actor._attached.find(connection)
    assert attachment is not None
    home.ref.tell(messages.Detach(connection))
    await _ended(home.ref)
    actor._end_holding(messages.Release(attachment, 0))
    attachment = actor._attached.add(connection, 1)
    actor._end_holding(messages.Release(attachment, 0))


async def test_only_so_many_announcements_are_remembered(home: Home) -> None:
    connection = await home.attach()
    rows = [a_row(home.user_id, created_at=home.clock.store_now()) for _ in range(REMEMBERED + 1)]
    for row in (*rows, rows[-1], rows[0]):
        home.deliver(row)
    await home.settled()
    assert connection.types.count("notification.new") == REMEMBERED + 2


async def test_a_row_already_read_is_announced_and_not_counted(home: Home) -> None:
    connection = await home.attach()
    row = await home.row()
    await home.stores.notifications.mark_read(home.user_id, [row.id], at=row.created_at)
    home.deliver(replace(row, is_read=True))
    await home.settled()
    assert connection.frames[-1]["data"]["unread_count"] == 0


@pytest.mark.parametrize("is_alone", [True, False])
async def test_what_comes_after_the_count_is_counted_without_asking_the_store(
    home: Home, *, is_alone: bool
) -> None:
    home.bus.is_alone = is_alone
    home.ref = home.start(Away())
    connection = RecordingConnection()
    await home.ask(messages.Attach(connection))
    home.clock.ahead = timedelta(milliseconds=2)
    if not is_alone:
        home.clock.ahead += CLOCKS_APART
    home.deliver(await home.row())
    assert await home.ask(messages.CountUnread()) == 1


@pytest.mark.parametrize("is_alone", [True, False])
async def test_a_row_read_before_the_count_and_announced_after_it_is_not_counted(
    home: Home, *, is_alone: bool
) -> None:
    home.bus.is_alone = is_alone
    # Others' clocks may be ahead of this process's.
    ahead = timedelta() if is_alone else CLOCKS_APART
    row = await home.row(created_at=home.clock.store_now() + ahead)
    await home.row()
    await home.stores.notifications.mark_read(home.user_id, [row.id], at=row.created_at)
    connection = await home.attach()
    home.deliver(row)
    await home.settled()
    assert connection.frames[-1]["data"]["unread_count"] == 1


FROM_AFAR = (-RECENT / 2, -CLOCKS_APART / 2, timedelta(), CLOCKS_APART / 2, 2 * CLOCKS_APART)
"""By how much the clock of the process that gives a row its position is ahead of this one's."""


@pytest.mark.parametrize("is_alone", [True, False])
@pytest.mark.parametrize("ahead", FROM_AFAR)
async def test_what_is_known_to_be_stored_after_the_count_is_counted_without_asking_the_store(
    home: Home, ahead: timedelta, *, is_alone: bool
) -> None:
    home.bus.is_alone = is_alone
    home.ref = home.start(Away())
    await home.ask(messages.Attach(RecordingConnection()))
    began_s = time.monotonic()
    row = await home.row(created_at=home.clock.store_now() + ahead)
    for _ in range(2):
        home.deliver(row, stored_after_s=began_s)
    assert await home.ask(messages.CountUnread()) == 1


@pytest.mark.parametrize("is_alone", [True, False])
@pytest.mark.parametrize("ahead", FROM_AFAR)
async def test_what_may_have_been_stored_before_the_count_is_counted_as_the_store_has_it(
    home: Home, ahead: timedelta, *, is_alone: bool
) -> None:
    home.bus.is_alone = is_alone
    began_s = time.monotonic()
    at = home.clock.store_now() + ahead
    read, unread, stalled = (a_row(home.user_id, created_at=at, floor=at) for _ in range(3))
    await home.stores.notifications.insert([read, unread])
    await home.stores.notifications.mark_read(home.user_id, [read.id], at=at)
    connection = await home.attach()
    # Its process took the position with the others', and was held up before it inserted.
    await home.stores.notifications.insert([stalled])
    for row in (read, unread, stalled):
        home.deliver(row, stored_after_s=began_s)
    await home.settled()
    assert len(connection.frames) == 1 + 3
    assert connection.frames[-1]["data"]["unread_count"] == 2


async def test_a_row_announced_long_after_its_insert_is_counted_by_a_recount(home: Home) -> None:
    connection = await home.attach()
    old = home.clock.store_now() - 2 * RECENT
    row = await home.row(created_at=old, floor=old)
    home.deliver(row)
    await home.settled()
    assert connection.frames[-1]["data"]["unread_count"] == 1


async def test_with_the_store_away_an_announcement_still_arrives(home: Home) -> None:
    home.ref = home.start(Away(), Away())
    connection = RecordingConnection()
    with pytest.raises(StoreUnavailable):
        await home.ask(messages.Attach(connection))
    assert connection.frames == []
    assert home.idle == 1

    home.ref = home.start(Away())
    await home.ask(messages.Attach(connection))
    old = home.clock.store_now() - 2 * RECENT
    for _ in range(2):
        home.deliver(a_row(home.user_id, created_at=old))
    with pytest.raises(StoreUnavailable):
        await home.settled()

    async def are_told() -> bool:
        return [frame["data"]["unread_count"] for frame in connection.frames[1:]] == [1, 2]

    await eventually(are_told)


async def test_a_write_that_ended_in_doubt_has_the_count_read_anew(home: Home) -> None:
    await home.row()
    home.ref = home.start(_InDoubt(home.stores.notifications))
    await home.attach()
    with pytest.raises(StoreUnavailable):
        await home.ask(messages.MarkAllRead())
    assert await home.ask(messages.CountUnread()) == 0


async def test_the_end_of_one_wait_does_not_end_a_later_one(home: Home) -> None:
    rows = [await home.row() for _ in range(2)]
    connection = await home.attach()
    actor = home.ref._actor_weakref()
    assert actor is not None
    attachment = actor._attached.find(connection)
    assert attachment is not None
    early = messages.Release(attachment, attachment.syncs)
    await home.ask(messages.Sync(connection, None, 1))
    announced = await home.row()
    home.deliver(announced)
    await home.ask(early)
    assert connection.types == ["authentication_success", "notifications.sync"]
    await home.ask(messages.Release(attachment, attachment.syncs))
    assert connection.frames[-1]["data"]["notification_id"] == str(announced.id)
    assert len(rows) == 2


async def test_an_old_count_is_read_anew_when_its_user_does_something(home: Home) -> None:
    await home.attach()
    first, _second = await home.row(), await home.row()
    assert await home.ask(messages.CountUnread()) == 0
    home.clock.ahead = RECOUNT_AFTER + timedelta(seconds=1)
    assert await home.ask(messages.MarkRead((first.id,))) == messages.Marked(1, 1)


async def test_of_what_the_store_has_only_the_news_are_told(home: Home) -> None:
    there = await home.row()
    connection = await home.attach()
    announced, missed = await home.row(), await home.row()
    home.deliver(announced)
    await home.ask(messages.MarkRead((there.id,)))
    found = tuple(
        messages.Deliver(row.id, row.created_at, not row.is_read, Announcement(row, NO_NAMES))
        for row in (there, announced, missed)
    )
    changes = (OneRead(there.id), OneDeleted(announced.id))
    for _ in range(2):
        home.ref.tell(messages.CatchUp(found, changes))
    await home.settled()
    assert connection.types[1:] == [
        "notification.new",
        "notification.read",
        "notification.new",
        "notification.deleted",
    ]
    assert connection.frames[3]["data"]["notification_id"] == str(missed.id)
