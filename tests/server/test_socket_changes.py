"""What a client that is in changes in its inbox, and what it is answered (contract section 4)."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest

from server.service import Service
from tests.server.inboxes import keep_unread
from tests.support.api import Api, token
from tests.support.sockets import Socket
from tests.support.world import Person


async def test_one_id_is_answered_with_that_one(
    service: Service, socket: Socket, person: Person
) -> None:
    one, _ = await keep_unread(service, person, 2)
    for _ in range(2):
        await socket.send(type="mark_read", notification_ids=[one, one], ref="r")
        assert await socket.next() == {
            "type": "notification.read",
            "ref": "r",
            "data": {"notification_id": one, "unread_count": 1},
        }


async def test_several_ids_are_answered_with_how_many(
    service: Service, socket: Socket, person: Person
) -> None:
    one, two, _ = await keep_unread(service, person, 3)
    await socket.send(type="mark_read", notification_ids=[one, two, uuid4()], ref=5)
    assert await socket.next() == {
        "type": "notifications.bulk_read",
        "ref": 5,
        "data": {"marked_count": 2, "unread_count": 1},
    }


async def test_all_are_answered_with_how_many(
    service: Service, socket: Socket, person: Person
) -> None:
    await keep_unread(service, person, 3)
    await socket.send(type="mark_all_read", ref="all")
    assert await socket.next() == {
        "type": "notifications.bulk_read",
        "ref": "all",
        "data": {"marked_count": 3, "unread_count": 0},
    }


@pytest.mark.parametrize("action", [{}, {"action": None}, {"action": "view_listing"}])
async def test_a_click_is_answered_with_what_was_read(
    service: Service, socket: Socket, person: Person, action: dict[str, Any]
) -> None:
    one, _ = await keep_unread(service, person, 2)
    await socket.send(type="click", notification_id=one, ref="c", **action)
    assert await socket.next() == {
        "type": "notification.read",
        "ref": "c",
        "data": {"notification_id": one, "unread_count": 1},
    }
    row = await service.stores.notifications.find(person.id, UUID(one))
    assert row is not None
    assert row.clicked_at is not None
    assert row.clicked_action == action.get("action")


async def test_a_click_on_somebody_elses_is_an_error_and_stays_open(
    service: Service, socket: Socket
) -> None:
    (theirs,) = await keep_unread(service, Person(uuid4(), ""), 1)
    await socket.send(type="click", notification_id=theirs, ref="c")
    frame = await socket.expect("error")
    assert (frame["ref"], frame["error"]["code"]) == ("c", "NOT_FOUND")
    await socket.nothing_more()


@pytest.mark.parametrize("count", [2, 400])
async def test_several_ids_are_answered_with_how_many_also_when_nothing_changes(
    socket: Socket, count: int
) -> None:
    await socket.send(type="mark_read", notification_ids=[uuid4() for _ in range(count)], ref=1)
    assert await socket.next() == {
        "type": "notifications.bulk_read",
        "ref": 1,
        "data": {"marked_count": 0, "unread_count": 0},
    }


async def test_one_id_is_answered_with_that_one_also_when_it_is_nobodys(socket: Socket) -> None:
    nobodys = str(uuid4())
    await socket.send(type="mark_read", notification_ids=[nobodys])
    assert await socket.next() == {
        "type": "notification.read",
        "data": {"notification_id": nobodys, "unread_count": 0},
    }


async def test_all_are_answered_also_when_there_are_none(socket: Socket) -> None:
    await socket.send(type="mark_all_read")
    assert await socket.next() == {
        "type": "notifications.bulk_read",
        "data": {"marked_count": 0, "unread_count": 0},
    }


async def test_somebody_elses_is_not_marked(api: Api, service: Service, socket: Socket) -> None:
    other_id = uuid4()
    other = Person(other_id, token(other_id))
    (theirs,) = await keep_unread(service, other, 1)
    await socket.send(type="mark_read", notification_ids=[theirs])
    assert (await socket.next())["data"] == {"notification_id": theirs, "unread_count": 0}
    answer = await api.get("/api/notifications/unread-count/", other.token)
    assert answer.body == {"unread_count": 1}
