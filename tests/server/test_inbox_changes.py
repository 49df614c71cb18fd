"""Reading and deleting notifications (contract section 2.1)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from server.service import Service
from tests.server.inboxes import NOON, keep, keep_unread
from tests.support.api import AN_ID, Api, token
from tests.support.sockets import Socket
from tests.support.world import Person

INBOX = "/api/notifications/"
UNREAD_COUNT = f"{INBOX}unread-count/"
MARK_READ = f"{INBOX}mark-read/"
MARK_ALL_READ = f"{INBOX}mark-all-read/"
READ: dict[str, Any] = {"is_read": True, "read_at": NOON}


def somebody() -> Person:
    user_id = uuid4()
    return Person(user_id, token(user_id))


def deletion(id_: str) -> str:
    return f"{INBOX}{id_}/delete/"


async def unread(api: Api, person: Person) -> int:
    answer = await api.get(UNREAD_COUNT, person.token)
    assert set(answer.body) == {"unread_count"}
    count: int = answer.body["unread_count"]
    return count


async def mark_read(api: Api, person: Person, ids: list[str]) -> tuple[str, int, int]:
    """Return the message, how many were marked and how many are unread."""
    answer = await api.post(MARK_READ, person.token, {"notification_ids": ids})
    assert answer.status == 200, answer.body
    assert set(answer.body) == {"message", "marked_count", "unread_count"}
    return answer.body["message"], answer.body["marked_count"], answer.body["unread_count"]


async def test_the_unread_count_is_of_what_the_inbox_shows_unread(
    api: Api, service: Service, person: Person
) -> None:
    assert await unread(api, person) == 0
    await keep(service, person, {}, {}, READ, {"is_deleted": True}, {"in_app": False})
    await keep_unread(service, somebody(), 1)
    assert await unread(api, person) == 2


async def test_marking_counts_what_turned_from_unread_to_read(
    api: Api, service: Service, person: Person
) -> None:
    one, two, three, read = await keep(service, person, {}, {}, {}, READ)
    assert await mark_read(api, person, [one, read]) == ("1 notifications marked as read", 1, 2)
    assert await mark_read(api, person, [one, two, three]) == (
        "2 notifications marked as read",
        2,
        0,
    )
    assert await mark_read(api, person, [one, two, three]) == (
        "0 notifications marked as read",
        0,
        0,
    )


async def test_a_notification_says_when_it_was_read_and_that_it_stays(
    api: Api, service: Service, person: Person
) -> None:
    (one,) = await keep_unread(service, person, 1)
    await mark_read(api, person, [one])
    (row,) = (await api.get(INBOX, person.token)).body["results"]
    assert row["is_read"] is True
    assert abs(datetime.now(UTC) - datetime.fromisoformat(row["read_at"])) < timedelta(minutes=1)
    await mark_read(api, person, [one])
    await api.post(MARK_ALL_READ, person.token)
    (again,) = (await api.get(INBOX, person.token)).body["results"]
    assert again == row


async def test_an_id_that_is_named_twice_counts_once(
    api: Api, service: Service, person: Person
) -> None:
    (one, _) = await keep_unread(service, person, 2)
    assert await mark_read(api, person, [one, one.upper(), one]) == (
        "1 notifications marked as read",
        1,
        1,
    )


async def test_an_id_that_is_named_twice_is_told_to_connections_as_the_one_that_it_is(
    api: Api, service: Service, person: Person
) -> None:
    one, _ = await keep_unread(service, person, 2)
    socket = await Socket.authenticated(api.base_url, person.token)
    await mark_read(api, person, [one, one])
    assert await socket.next() == {
        "type": "notification.read",
        "data": {"notification_id": one, "unread_count": 1},
    }
    socket.close()


async def test_ids_that_are_not_ones_own_are_ignored_and_not_revealed(
    api: Api, service: Service, person: Person
) -> None:
    other = somebody()
    (theirs,) = await keep_unread(service, other, 1)
    (mine,) = await keep_unread(service, person, 1)
    for_theirs = await mark_read(api, person, [theirs])
    assert for_theirs == await mark_read(api, person, [str(uuid4())])
    assert for_theirs == ("0 notifications marked as read", 0, 1)
    assert await mark_read(api, person, [mine, theirs]) == ("1 notifications marked as read", 1, 0)
    assert await unread(api, other) == 1


async def test_a_thousand_can_be_marked_at_once_and_no_more(api: Api, person: Person) -> None:
    ids = [str(uuid4()) for _ in range(1_001)]
    assert (await mark_read(api, person, ids[:1_000]))[1] == 0
    answer = await api.post(MARK_READ, person.token, {"notification_ids": ids})
    assert (answer.status, list(answer.error["details"])) == (400, ["notification_ids"])


@pytest.mark.parametrize("given", [None, [], "7", {"0": "7"}, 7])
async def test_what_is_no_list_of_ids_is_400(api: Api, person: Person, given: Any) -> None:
    answer = await api.post(MARK_READ, person.token, {"notification_ids": given})
    assert (answer.status, list(answer.error["details"])) == (400, ["notification_ids"])


async def test_ids_have_to_be_named(api: Api, person: Person) -> None:
    answer = await api.post(MARK_READ, person.token, {})
    assert answer.error["details"] == {"notification_ids": ["Missing data for required field."]}


@pytest.mark.parametrize("bad", ["7", 7, None, "", ["7"], f"{AN_ID}x"])
async def test_one_bad_id_is_named_by_its_place_and_nothing_is_marked(
    api: Api, service: Service, person: Person, bad: Any
) -> None:
    (mine,) = await keep_unread(service, person, 1)
    answer = await api.post(MARK_READ, person.token, {"notification_ids": [mine, bad]})
    assert (answer.status, list(answer.error["details"])) == (400, ["notification_ids.1"])
    assert await unread(api, person) == 1


async def test_marking_all_read_marks_all_of_ones_own(
    api: Api, service: Service, person: Person
) -> None:
    other = somebody()
    await keep(service, person, {}, {}, READ)
    await keep_unread(service, other, 1)
    for marked in (2, 0):
        answer = await api.post(MARK_ALL_READ, person.token)
        assert (answer.status, answer.body) == (
            200,
            {
                "message": "All notifications marked as read",
                "marked_count": marked,
                "unread_count": 0,
            },
        )
    assert await unread(api, other) == 1


async def test_a_deleted_one_is_gone_and_cannot_be_deleted_again(
    api: Api, service: Service, person: Person
) -> None:
    kept, gone = await keep_unread(service, person, 2)
    answer = await api.delete(deletion(gone), person.token)
    assert (answer.status, answer.body) == (
        200,
        {"message": "Notification deleted successfully"},
    )
    page = (await api.get(INBOX, person.token)).body
    assert [row["id"] for row in page["results"]] == [kept]
    assert (page["count"], page["unread_count"]) == (1, 1)
    again = await api.delete(deletion(gone), person.token)
    assert (again.status, again.error["code"]) == (404, "NOT_FOUND")


async def test_a_deleted_one_can_be_marked_no_more(
    api: Api, service: Service, person: Person
) -> None:
    (gone,) = await keep_unread(service, person, 1)
    await api.delete(deletion(gone), person.token)
    assert (await mark_read(api, person, [gone]))[1] == 0


async def test_deletion_is_soft(api: Api, service: Service, person: Person) -> None:
    (gone,) = await keep_unread(service, person, 1)
    await api.delete(deletion(gone), person.token)
    row = await service.stores.notifications.find(person.id, UUID(gone))
    assert row is not None
    assert (row.is_deleted, row.title) == (True, "Bread at Corner Bakery")


async def test_somebody_elses_or_nobodys_is_404_alike(
    api: Api, service: Service, person: Person
) -> None:
    other = somebody()
    (theirs,) = await keep_unread(service, other, 1)
    answers = [await api.delete(deletion(id_), person.token) for id_ in (theirs, str(uuid4()))]
    assert [answer.status for answer in answers] == [404, 404]
    assert answers[0].body == answers[1].body
    assert await unread(api, other) == 1


async def test_what_is_not_in_the_inbox_cannot_be_deleted(
    api: Api, service: Service, person: Person
) -> None:
    (mail,) = await keep(service, person, {"in_app": False})
    assert (await api.delete(deletion(mail), person.token)).status == 404


async def test_paths_answer_the_same_without_the_last_slash(
    api: Api, service: Service, person: Person
) -> None:
    one, two = await keep_unread(service, person, 2)
    assert (await api.get(UNREAD_COUNT[:-1], person.token)).body == {"unread_count": 2}
    marked = await api.post(MARK_READ[:-1], person.token, {"notification_ids": [one]})
    assert marked.body["marked_count"] == 1
    assert (await api.post(MARK_ALL_READ[:-1], person.token)).body["marked_count"] == 1
    assert (await api.delete(deletion(two)[:-1], person.token)).status == 200


async def test_with_and_without_a_connection_the_answers_are_the_same(
    api: Api, service: Service
) -> None:
    """With one, the changes go through the user's actor."""
    answers = []
    for is_connected in (True, False):
        person = somebody()
        socket = await Socket.authenticated(api.base_url, person.token) if is_connected else None
        one, two, three = await keep_unread(service, person, 3)
        given = [
            await api.post(MARK_READ, person.token, {"notification_ids": [one]}),
            await api.post(MARK_READ, person.token, {"notification_ids": [one]}),
            await api.delete(deletion(two), person.token),
            await api.delete(deletion(two), person.token),
            await api.get(UNREAD_COUNT, person.token),
            await api.post(MARK_READ, person.token, {"notification_ids": [three, str(uuid4())]}),
            await api.post(MARK_ALL_READ, person.token),
            await api.get(UNREAD_COUNT, person.token),
        ]
        answers.append([(answer.status, answer.body) for answer in given])
        if socket is not None:
            socket.close()
    assert answers[0] == answers[1]
