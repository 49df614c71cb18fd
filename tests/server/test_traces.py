"""What became of a notification, channel by channel (contract section 2.1)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from server.service import Service
from tests.storage.samples import NOON, SECOND, a_row
from tests.support.api import Answer, Api, token
from tests.support.world import World


async def trace(api: Api, bearer: str, notification_id: UUID | str) -> Answer:
    return await api.get(f"/api/notifications/{notification_id}/trace/", bearer)


def by_channel(answer: Answer) -> dict[str, dict[str, Any]]:
    assert answer.status == 200, answer.body
    channels = {each["channel"]: each for each in answer.body["channels"]}
    assert list(channels) == ["in_app", "email", "push", "sms"]
    return channels


async def test_every_channel_has_one_state_and_its_reason(api: Api, world: World) -> None:
    person = await world.person(email="jo@example.org")
    await world.prefer(person, push_notifications=False)
    sent = await world.send(person, channels=["in_app", "email", "push"])
    answer = await trace(api, person.token, sent.body["id"])
    channels = by_channel(answer)
    assert {name: (each["status"], each["reason"]) for name, each in channels.items()} in (
        {
            "in_app": ("delivered", None),
            "email": email,
            "push": ("suppressed", "channel_preference"),
            "sms": ("unused", "not_a_channel_of_it"),
        }
        # By day, and by night.
        for email in (("queued", None), ("deferred", "quiet_hours"))
    )
    assert channels["email"]["due_at"] is not None
    assert channels["in_app"]["sent_at"] == answer.body["created_at"]
    assert answer.body["recipient_id"] == str(person.id)
    assert answer.body["notification_type"] == "interaction_confirmed"
    assert "example.org" not in repr(answer.body)


async def test_the_inbox_tells_when_it_was_read_clicked_and_deleted(api: Api, world: World) -> None:
    person = await world.person()
    notification_id = (await world.send(person)).body["id"]
    times = ("read_at", "clicked_at", "deleted_at")
    before = by_channel(await trace(api, person.token, notification_id))["in_app"]
    assert [before[name] for name in times] == [None, None, None]
    await api.post(f"/api/notifications/{notification_id}/click/", person.token)
    await api.delete(f"/api/notifications/{notification_id}/delete/", person.token)
    channels = by_channel(await trace(api, person.token, notification_id))
    assert all(channels["in_app"][name] is not None for name in times)
    assert [channels["push"][name] for name in times] == [None, None, None]


async def test_attempts_have_their_times(service: Service, api: Api) -> None:
    user_id = uuid4()
    state = {
        "status": "dead",
        "reason": "attempts_exhausted",
        "last_error": "451",
        "attempts": [
            {"at": NOON, "ended_at": NOON + SECOND, "error": "451", "uncertain": True},
            {"at": NOON + timedelta(minutes=1), "ended_at": NOON + timedelta(minutes=2)},
        ],
        "claim": uuid4(),
    }
    row = a_row(user_id, in_app=False, channels={"email": state})
    await service.stores.notifications.insert([row])
    email = by_channel(await trace(api, token(user_id), row.id))["email"]
    assert (email["status"], email["reason"]) == ("dead", "attempts_exhausted")
    assert email["attempts"] == [
        {
            "at": "2026-11-22T12:00:00.000Z",
            "ended_at": "2026-11-22T12:00:01.000Z",
            "error": "451",
            "uncertain": True,
        },
        {
            "at": "2026-11-22T12:01:00.000Z",
            "ended_at": "2026-11-22T12:02:00.000Z",
            "error": None,
            "uncertain": False,
        },
    ]


async def test_only_the_recipient_and_admins_see_it(api: Api, world: World) -> None:
    person, other = await world.person(), await world.person()
    notification_id = (await world.send(person)).body["id"]
    refused = await trace(api, other.token, notification_id)
    assert (refused.status, refused.error["code"]) == (404, "NOT_FOUND")
    assert (await trace(api, world.platform, notification_id)).status == 403
    own = await trace(api, person.token, notification_id)
    assert (await trace(api, token(user_type="admin"), notification_id)).body == own.body


async def test_what_is_not_there_is_not_found(api: Api) -> None:
    for user_type in ("customer", "admin"):
        answer = await trace(api, token(user_type=user_type), uuid4())
        assert (answer.status, answer.error["code"]) == (404, "NOT_FOUND")
