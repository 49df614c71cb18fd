"""What is sent at a time of its own: scheduled, listed, cancelled, sent (contract section 2.1)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.support.api import Answer, Api, token
from tests.support.world import Person, World

SCHEDULED = "/api/notifications/scheduled/"
SOON = timedelta(seconds=0.8)
TOMORROW = timedelta(days=1)


@pytest.fixture
def sender() -> str:
    """Return the token of a service with no schedules yet."""
    return token(user_type="service")


async def plan(
    world: World, person: Person | UUID, sender: str, *, ahead: timedelta = TOMORROW, **fields: Any
) -> Answer:
    at = datetime.now(UTC) + ahead
    answer = await world.send(person, by=sender, send_at=at.isoformat(), **fields)
    assert answer.status == 202, answer.body
    return answer


async def listed(api: Api, sender: str, query: str = "") -> dict[str, Any]:
    answer = await api.get(f"{SCHEDULED}{query}", sender)
    assert answer.status == 200, answer.body
    body: dict[str, Any] = answer.body
    return body


async def status_of(api: Api, sender: str, schedule_id: str) -> str:
    results = (await listed(api, sender, "?page_size=100"))["results"]
    (found,) = [each for each in results if each["schedule_id"] == schedule_id]
    status: str = found["status"]
    return status


async def cancel(api: Api, sender: str, schedule_id: str) -> Answer:
    return await api.delete(f"{SCHEDULED}{schedule_id}/", sender)


async def test_what_is_to_be_sent_later_is_202_with_its_id_and_time(
    api: Api, world: World, sender: str
) -> None:
    person = await world.person()
    at = datetime.now(UTC) + TOMORROW
    local = at.astimezone(datetime.now(UTC).astimezone().tzinfo)
    answer = await world.send(person, by=sender, send_at=local.isoformat(), title="Later")
    assert answer.status == 202
    assert set(answer.body) == {"schedule_id", "send_at"}
    assert answer.body["send_at"] == at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    assert (await world.inbox(person))["count"] == 0
    assert (await listed(api, sender))["results"] == [
        {
            **answer.body,
            "recipient_id": str(person.id),
            "notification_type": "interaction_confirmed",
            "title": "Later",
            "status": "scheduled",
        }
    ]


async def test_up_to_30_days_ahead(world: World, sender: str) -> None:
    await plan(world, await world.person(), sender, ahead=timedelta(days=30, seconds=-10))


async def test_to_nobody_known_nothing_is_scheduled(api: Api, world: World, sender: str) -> None:
    at = (datetime.now(UTC) + TOMORROW).isoformat()
    answer = await world.send(uuid4(), by=sender, send_at=at)
    assert (answer.status, answer.error["code"]) == (404, "NOT_FOUND")
    assert (await listed(api, sender))["count"] == 0


async def test_when_its_time_comes_it_is_sent_as_it_was_given(
    api: Api, world: World, sender: str
) -> None:
    person = await world.person()
    socket = await world.connect(person)
    content: dict[str, Any] = {
        "title": "Now",
        "message": "<b>",
        "data": {"a": [1]},
        "action_buttons": [{"text": "Go", "action": "go"}],
        "priority": "critical",
    }
    answer = await plan(world, person, sender, ahead=SOON, **content)
    told = await socket.notified()
    assert {name: told[name] for name in content} == content
    late = datetime.now(UTC) - datetime.fromisoformat(answer.body["send_at"])
    assert timedelta() <= late < timedelta(seconds=5)
    (row,) = await world.told(person)
    assert {name: row[name] for name in content} == content
    assert row["sender"]["user_type"] == "service"
    assert await status_of(api, sender, answer.body["schedule_id"]) == "sent"


async def test_named_channels_count_when_it_is_sent(world: World, sender: str) -> None:
    person, other = await world.person(), await world.person()
    await plan(world, person, sender, ahead=SOON, channels=["email"])
    await plan(world, other, sender, ahead=SOON, notification_type="welcome", channels=["in_app"])
    await world.told(other)
    assert (await world.inbox(person))["count"] == 0


async def test_several_at_the_same_time_are_each_sent_once(world: World, sender: str) -> None:
    person = await world.person()
    at = (datetime.now(UTC) + 3 * SOON).isoformat()
    for n in range(8):
        await world.send(person, by=sender, send_at=at, title=f"No. {n}")
    await world.told(person, 8)


async def test_a_sender_sees_its_own_and_an_admin_sees_all(
    api: Api, world: World, sender: str
) -> None:
    person = await world.person()
    mine = (await plan(world, person, sender)).body["schedule_id"]
    others = (await plan(world, person, token(user_type="service"))).body["schedule_id"]
    seen = [each["schedule_id"] for each in (await listed(api, sender))["results"]]
    assert seen == [mine]
    everything = await listed(api, token(user_type="admin"), "?page_size=2")
    assert [each["schedule_id"] for each in everything["results"]] == [others, mine]


async def test_a_list_has_pages(api: Api, world: World, sender: str) -> None:
    person = await world.person()
    ids = [(await plan(world, person, sender)).body["schedule_id"] for _ in range(3)]
    first = await listed(api, sender, "?page_size=2")
    assert (first["count"], first["previous"]) == (3, None)
    assert [each["schedule_id"] for each in first["results"]] == [ids[2], ids[1]]
    second = (await api.get(first["next"], sender)).body
    assert (second["count"], second["next"]) == (3, None)
    assert [each["schedule_id"] for each in second["results"]] == [ids[0]]


async def test_what_is_cancelled_is_not_sent(api: Api, world: World, sender: str) -> None:
    person = await world.person()
    cancelled = (await plan(world, person, sender, ahead=3 * SOON)).body["schedule_id"]
    await plan(world, person, sender, ahead=4 * SOON, title="Sent")
    answer = await cancel(api, sender, cancelled)
    assert (answer.status, answer.body) == (200, {"message": "Scheduled notification cancelled"})
    assert await status_of(api, sender, cancelled) == "cancelled"
    (row,) = await world.told(person)
    assert row["title"] == "Sent"


async def test_what_is_cancelled_or_sent_can_be_cancelled_no_more(
    api: Api, world: World, sender: str
) -> None:
    person = await world.person()
    cancelled = (await plan(world, person, sender)).body["schedule_id"]
    sent = (await plan(world, person, sender, ahead=SOON)).body["schedule_id"]
    await cancel(api, sender, cancelled)
    await world.told(person)
    for schedule_id, status in ((cancelled, "cancelled"), (sent, "sent")):
        answer = await cancel(api, sender, schedule_id)
        assert (answer.status, answer.error["code"]) == (409, "CONFLICT")
        assert answer.error["details"] == {"status": status}


async def test_only_the_sender_and_admins_can_cancel(api: Api, world: World, sender: str) -> None:
    schedule_id = (await plan(world, await world.person(), sender)).body["schedule_id"]
    answers = [
        await cancel(api, token(user_type="service"), schedule_id),
        await cancel(api, sender, str(uuid4())),
    ]
    assert [answer.status for answer in answers] == [404, 404]
    assert answers[0].body == answers[1].body
    assert (await cancel(api, token(user_type="admin"), schedule_id)).status == 200


async def test_paths_answer_the_same_without_the_last_slash(
    api: Api, world: World, sender: str
) -> None:
    schedule_id = (await plan(world, await world.person(), sender)).body["schedule_id"]
    assert (await api.get(SCHEDULED[:-1], sender)).body["count"] == 1
    assert (await api.delete(f"{SCHEDULED}{schedule_id}", sender)).status == 200
