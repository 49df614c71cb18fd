"""What becomes of an inbox is told to every connection."""

from __future__ import annotations

import time
from uuid import uuid4

import pytest

from actors import messages
from actors.inbox_change import OneDeleted, OneRead, SeveralRead
from storage.notifications import NotInInbox
from tests.actors.user.home import Home


async def test_marking_one_tells_every_connection_and_repeats_the_ref_to_the_asker(
    home: Home,
) -> None:
    row = await home.row()
    asker, other = await home.attach(), await home.attach()
    marked = await home.ask(messages.MarkRead((row.id,), asker, "r1"))
    assert marked == messages.Marked(1, 0)
    data = {"notification_id": str(row.id), "unread_count": 0}
    assert asker.frames[-1] == {"type": "notification.read", "ref": "r1", "data": data}
    assert other.frames[-1] == {"type": "notification.read", "data": data}


async def test_marking_what_is_read_already_answers_the_asker_alone(home: Home) -> None:
    row = await home.row()
    asker, other = await home.attach(), await home.attach()
    await home.ask(messages.MarkRead((row.id,), asker))
    told = len(other.frames)
    assert await home.ask(messages.MarkRead((row.id,), asker)) == messages.Marked(0, 0)
    assert len(other.frames) == told
    assert asker.types[-2:] == ["notification.read", "notification.read"]


async def test_a_click_reads_and_tells_every_connection_once(home: Home) -> None:
    row = await home.row()
    asker, other = await home.attach(), await home.attach()
    read = {"notification_id": str(row.id), "unread_count": 0}
    assert await home.ask(messages.Click(row.id, "view", asker, "r1")) == messages.Marked(1, 0)
    assert await home.ask(messages.Click(row.id, "view", asker, "r2")) == messages.Marked(0, 0)
    assert asker.frames[1:] == [
        {"type": "notification.read", "ref": ref, "data": read} for ref in ("r1", "r2")
    ]
    assert other.frames[1:] == [{"type": "notification.read", "data": read}]


async def test_a_click_on_what_is_not_in_the_inbox_tells_nobody(home: Home) -> None:
    connection = await home.attach()
    with pytest.raises(NotInInbox):
        await home.ask(messages.Click(uuid4(), None, connection, "r"))
    assert connection.types == ["authentication_success"]


async def test_marking_several_by_rest_is_one_frame_to_all(home: Home) -> None:
    rows = [await home.row() for _ in range(3)]
    connection = await home.attach()
    await home.ask(messages.MarkRead(tuple(row.id for row in rows[:2])))
    assert connection.frames[-1] == {
        "type": "notifications.bulk_read",
        "data": {"marked_count": 2, "unread_count": 1},
    }


async def test_marking_all_is_one_frame_to_all(home: Home) -> None:
    for _ in range(3):
        await home.row()
    asker, other = await home.attach(), await home.attach()
    marked = await home.ask(messages.MarkAllRead(asker, 5))
    assert marked == messages.Marked(3, 0)
    data = {"marked_count": 3, "unread_count": 0}
    assert asker.frames[-1] == {"type": "notifications.bulk_read", "ref": 5, "data": data}
    assert other.frames[-1] == {"type": "notifications.bulk_read", "data": data}


async def test_what_is_marked_before_its_announcement_came_leaves_the_count_right(
    home: Home,
) -> None:
    connection = await home.attach()
    row = await home.row()
    assert await home.ask(messages.MarkRead((row.id,))) == messages.Marked(1, 0)
    home.deliver(row)
    await home.settled()
    assert connection.frames[-1]["data"]["unread_count"] == 0


async def test_deleting_tells_every_connection(home: Home) -> None:
    row = await home.row()
    connection = await home.attach()
    assert await home.ask(messages.Delete(row.id)) is True
    assert connection.frames[-1] == {
        "type": "notification.deleted",
        "data": {"notification_id": str(row.id), "unread_count": 0},
    }
    told = len(connection.frames)
    assert await home.ask(messages.Delete(row.id)) is False
    assert len(connection.frames) == told


async def test_a_change_made_elsewhere_is_told_once_with_a_count_read_anew(home: Home) -> None:
    connection = await home.attach()
    first, second = await home.row(), await home.row()
    await home.stores.notifications.mark_read(home.user_id, [first.id], at=first.created_at)
    arrived_at_s = time.monotonic()
    for change in (OneRead(first.id), OneRead(first.id), OneDeleted(second.id), SeveralRead(1)):
        home.ref.tell(messages.Reflect(change, arrived_at_s))
    await home.settled()
    told = ["notification.read", "notification.deleted", "notifications.bulk_read"]
    assert connection.types[1:] == told
    assert [frame["data"]["unread_count"] for frame in connection.frames[1:]] == [1, 1, 1]
