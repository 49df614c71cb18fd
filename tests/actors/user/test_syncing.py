"""What a connection is told that asks what it missed."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from actors import messages
from actors.sync import PAGE_BYTES, ROW_BYTES, UnknownNotification
from rules.content import MESSAGE_LIMIT
from tests.actors.user.home import Home
from tests.support.actors import RecordingConnection


async def test_a_late_row_that_is_held_is_in_the_answer_to_the_sync(home: Home) -> None:
    named = await home.row()
    connection = RecordingConnection()
    await home.ask(messages.Attach(connection))
    at = named.created_at - timedelta(seconds=2)
    late = await home.row(writer="another#1", created_at=at, floor=at)
    home.deliver(late)
    await home.ask(messages.Sync(connection, named.id, 10))
    assert connection.types == ["authentication_success", "notifications.sync"]
    (told,) = connection.frames[-1]["data"]["notifications"]
    assert told["id"] == str(late.id)


async def test_what_a_sync_told_is_not_announced_on_that_connection_again(home: Home) -> None:
    named, missed = await home.row(), await home.row()
    synced, other = await home.attach(), await home.attach()
    await home.ask(messages.Sync(synced, named.id, 10))
    for row in (named, missed):
        home.deliver(row)
    await home.settled()
    assert synced.types == ["authentication_success", "notifications.sync"]
    assert other.types == ["authentication_success", "notification.new", "notification.new"]


async def test_a_sync_does_not_look_back_to_what_was_announced_here(home: Home) -> None:
    connection = await home.attach()
    early = await home.row(writer="another#1")
    home.deliver(early)
    later = await home.row()
    await home.ask(messages.Sync(connection, later.id, 10))
    assert connection.frames[-1]["data"]["notifications"] == []


async def test_of_two_rows_at_one_position_the_greater_id_is_the_later(home: Home) -> None:
    connection = await home.attach()
    at = home.clock.store_now()
    rows = [await home.row(id=UUID(int=place), created_at=at, floor=at) for place in (1, 2, 3)]
    await home.ask(messages.Sync(connection, rows[1].id, 10))
    missed = connection.frames[-1]["data"]["notifications"]
    assert [row["id"] for row in missed] == [str(rows[0].id), str(rows[2].id)]


async def test_a_sync_of_a_connection_that_is_gone_sends_nothing(home: Home) -> None:
    await home.attach()
    stranger = RecordingConnection()
    await home.ask(messages.Sync(stranger, None, 10))
    assert stranger.frames == []


async def test_a_sync_since_nobodys_notification_is_refused(home: Home) -> None:
    connection = await home.attach()
    with pytest.raises(UnknownNotification):
        await home.ask(messages.Sync(connection, uuid4(), 10))


async def test_a_page_of_a_sync_ends_where_it_gets_too_long(home: Home) -> None:
    connection = await home.attach()
    many = PAGE_BYTES // (ROW_BYTES + MESSAGE_LIMIT) + 1
    rows = [await home.row(message="x" * MESSAGE_LIMIT) for _ in range(many)]
    told: list[str] = []
    since = None
    for has_more in (True, False):
        await home.ask(messages.Sync(connection, since, 500))
        page = connection.frames[-1]["data"]
        assert page["has_more"] is has_more
        told += [row["id"] for row in page["notifications"]]
        since = UUID(told[-1])
    assert told == [str(row.id) for row in rows]


async def test_the_count_of_a_sync_has_the_rows_that_are_announced_only_later(home: Home) -> None:
    named = await home.row()
    connection = await home.attach()
    on_its_way = await home.row()
    await home.ask(messages.Sync(connection, named.id, 10))
    assert connection.frames[-1]["data"]["unread_count"] == 2
    home.deliver(on_its_way)
    assert await home.ask(messages.CountUnread()) == 2
