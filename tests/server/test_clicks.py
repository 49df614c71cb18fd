"""Clicking a notification (contract section 2.1)."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest

from server.service import Service
from tests.server.inboxes import keep, keep_unread
from tests.support.api import Answer, Api, token
from tests.support.sockets import Socket
from tests.support.world import Person


def path(id_: str) -> str:
    return f"/api/notifications/{id_}/click/"


async def click(api: Api, person: Person, id_: str, body: Any = None) -> Answer:
    return await api.post(path(id_), person.token, body)


@pytest.mark.parametrize("body", [None, {}, {"action": None}, {"action": "view_listing"}])
async def test_a_click_is_kept_and_reads(
    api: Api, service: Service, person: Person, body: Any
) -> None:
    one, _ = await keep_unread(service, person, 2)
    for _ in range(2):
        answer = await click(api, person, one, body)
        assert answer.status == 200
        assert answer.body == {"message": "Click recorded", "unread_count": 1}
    row = await service.stores.notifications.find(person.id, UUID(one))
    assert row is not None
    assert row.is_read
    assert row.clicked_at is not None
    assert row.clicked_action == (body or {}).get("action")


async def test_the_first_click_stays(api: Api, service: Service, person: Person) -> None:
    (one,) = await keep_unread(service, person, 1)
    await click(api, person, one, {"action": "first"})
    await click(api, person, one, {"action": "second"})
    row = await service.stores.notifications.find(person.id, UUID(one))
    assert row is not None
    assert row.clicked_action == "first"


async def test_every_connection_hears_of_what_a_click_has_read(
    api: Api, service: Service, person: Person
) -> None:
    one, two = await keep_unread(service, person, 2)
    sockets = [await Socket.authenticated(api.base_url, person.token) for _ in range(2)]
    await click(api, person, one)
    # Read already: nothing to tell.
    await click(api, person, one)
    await click(api, person, two)
    for socket in sockets:
        for id_, unread_count in ((one, 1), (two, 0)):
            assert await socket.next() == {
                "type": "notification.read",
                "data": {"notification_id": id_, "unread_count": unread_count},
            }
        socket.close()


@pytest.mark.parametrize("is_connected", [True, False])
async def test_what_is_not_in_ones_inbox_is_404_alike(
    api: Api, service: Service, person: Person, is_connected: bool
) -> None:
    other = Person(uuid4(), "")
    (theirs,) = await keep_unread(service, other, 1)
    gone, mail = await keep(service, person, {"is_deleted": True}, {"in_app": False})
    socket = await Socket.authenticated(api.base_url, person.token) if is_connected else None
    answers = [await click(api, person, id_) for id_ in (theirs, str(uuid4()), gone, mail)]
    assert {answer.status for answer in answers} == {404}
    assert all(answer.body == answers[0].body for answer in answers)
    assert answers[0].error["code"] == "NOT_FOUND"
    row = await service.stores.notifications.find(other.id, UUID(theirs))
    assert row is not None
    assert (row.is_read, row.clicked_at) == (False, None)
    if socket is not None:
        await socket.nothing_more()
        socket.close()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"action": ""}, "action"),
        ({"action": "x" * 65}, "action"),
        ({"action": 7}, "action"),
        ({"button": "view"}, "button"),
        ([], "body"),
    ],
)
async def test_a_bad_body_is_400_and_nothing_is_read(
    api: Api, service: Service, person: Person, body: Any, field: str
) -> None:
    (one,) = await keep_unread(service, person, 1)
    answer = await click(api, person, one, body)
    assert (answer.status, list(answer.error["details"])) == (400, [field])
    row = await service.stores.notifications.find(person.id, UUID(one))
    assert row is not None
    assert (row.is_read, row.clicked_at) == (False, None)


async def test_the_path_answers_the_same_without_the_last_slash(
    api: Api, service: Service, person: Person
) -> None:
    (one,) = await keep_unread(service, person, 1)
    assert (await api.post(path(one)[:-1], person.token)).status == 200


async def test_a_service_has_nothing_to_click(api: Api) -> None:
    answer = await api.post(path(str(uuid4())), token(user_type="service"))
    assert answer.status == 403
