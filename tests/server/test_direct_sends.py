"""Sending one notification to one user (contract section 2.1)."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from rules.kinds import KINDS
from server.service import Service
from storage.notifications import NotificationRow
from tests.support.api import AN_ID, PLATFORM, Api, token
from tests.support.world import NOTIFICATIONS, Person, World, direct_send

QUIET_NEVER = {"quiet_hours": {"enabled": False}}


async def row_of(service: Service, person: Person, id_: str) -> NotificationRow:
    row = await service.stores.notifications.find(person.id, UUID(id_))
    assert row is not None
    return row


async def test_what_is_sent_is_answered_as_the_list_shows_it(world: World) -> None:
    person = await world.person()
    given: dict[str, Any] = {
        "notification_type": "pickup_reminder",
        "title": "Pickup in 1 hour",
        "message": "Your order waits at Mario's.",
        "data": {"order_number": "SNB-1", "items": [{"n": 3, "ok": True}]},
        "action_buttons": [
            {"text": "Get Directions", "action": "open_maps", "coordinates": "-25.7,28.2"},
            {"text": "View", "url": "/orders/1"},
        ],
        "image_url": "https://example.org/pizza.jpg",
        "priority": "critical",
    }
    answer = await world.send(person, **given)
    assert answer.status == 201, answer.body
    assert answer.body == (await world.inbox(person))["results"][0]
    assert {name: answer.body[name] for name in given} == given
    assert answer.body["sender"] == {"id": str(PLATFORM), "name": None, "user_type": "service"}
    assert answer.body["business"] is None
    assert (answer.body["is_read"], answer.body["is_deleted"]) == (False, False)


async def test_what_is_left_out_is_empty(world: World) -> None:
    person = await world.person()
    body = (await world.send(person)).body
    assert (body["data"], body["action_buttons"], body["image_url"]) == ({}, [], None)
    assert body["priority"] == "normal"


async def test_an_admin_sends_under_their_own_name(world: World) -> None:
    admin, person = await world.person("admin", name="Sipho"), await world.person()
    answer = await world.send(person, by=admin.token)
    assert answer.status == 201
    assert answer.body["sender"] == {"id": str(admin.id), "name": "Sipho", "user_type": "admin"}


async def test_who_is_connected_is_told_at_once(world: World) -> None:
    person = await world.person()
    socket = await world.connect(person)
    answer = await world.send(person, data={"a": 1})
    told = await socket.notified()
    assert told["notification_id"] == answer.body["id"]
    assert (told["data"], told["unread_count"]) == ({"a": 1}, 1)
    assert told["sender"] == {"name": None, "logo": None}
    await socket.nothing_more()


@pytest.mark.parametrize("kind", KINDS)
async def test_any_type_may_be_sent(world: World, service: Service, kind: str) -> None:
    person = await world.person()
    answer = await world.send(person, notification_type=kind)
    assert (answer.status, answer.body["notification_type"]) == (201, kind)
    row = await row_of(service, person, answer.body["id"])
    assert set(row.channels) == set(KINDS[kind].channels)


@pytest.mark.parametrize(
    "channels",
    [["in_app"], ["email"], ["sms", "push"], ["in_app", "email", "push", "sms"]],
)
async def test_named_channels_are_used_whatever_the_type_says(
    world: World, service: Service, channels: list[str]
) -> None:
    person = await world.person(phone="+27821234567")
    answer = await world.send(person, notification_type="interaction_completed", channels=channels)
    assert answer.status == 201
    row = await row_of(service, person, answer.body["id"])
    assert set(row.channels) == set(channels)
    assert (await world.inbox(person))["count"] == ("in_app" in channels)


@pytest.mark.parametrize("channels", [None, ...])
async def test_without_channels_the_table_decides(
    world: World, service: Service, channels: Any
) -> None:
    person = await world.person()
    answer = await world.send(person, notification_type="review_received", channels=channels)
    row = await row_of(service, person, answer.body["id"])
    assert set(row.channels) == {"in_app", "email"}


async def test_a_channel_that_is_named_twice_counts_once(world: World, service: Service) -> None:
    person = await world.person()
    answer = await world.send(person, channels=["in_app", "email", "in_app"])
    assert answer.status == 201
    assert set((await row_of(service, person, answer.body["id"])).channels) == {"in_app", "email"}


async def test_gates_decide_as_for_every_notification(world: World, service: Service) -> None:
    person = await world.person()
    await world.prefer(person, email_notifications=False, **QUIET_NEVER)
    answer = await world.send(person, channels=["in_app", "email", "push"])
    states = (await row_of(service, person, answer.body["id"])).channels
    assert states["in_app"]["status"] == "delivered"
    assert states["email"] == {
        "status": "suppressed",
        "reason": "channel_preference",
    }
    assert states["push"] == {
        "status": "suppressed",
        "reason": "no_address",
    }


@pytest.mark.parametrize(
    "preference", [{"mute_all": True}, {"muted_types": ["interaction_confirmed"]}]
)
async def test_who_has_muted_it_is_not_told_and_the_sender_does_not_learn_of_it(
    world: World, service: Service, preference: dict[str, Any]
) -> None:
    person = await world.person()
    await world.prefer(person, **preference)
    answer = await world.send(person)
    assert answer.status == 201
    assert (await world.inbox(person))["count"] == 0
    row = await row_of(service, person, answer.body["id"])
    assert row.channels["in_app"]["status"] == "suppressed"


async def test_texts_are_data_and_control_characters_are_gone(world: World) -> None:
    person = await world.person()
    html = "<img src=x onerror=alert(1)>"
    answer = await world.send(person, title=f"\x00{html}", message=f"{html}\x1b", data={"h": html})
    assert answer.status == 201
    assert (answer.body["title"], answer.body["message"]) == (html, html)
    assert answer.body["data"] == {"h": html}


BAD = [
    ("recipient_id", ...),
    ("recipient_id", None),
    ("recipient_id", "7"),
    ("notification_type", ...),
    ("notification_type", "spam"),
    ("notification_type", None),
    ("title", ...),
    ("title", ""),
    ("title", "x" * 121),
    ("title", 7),
    ("message", ...),
    ("message", "x" * 1_001),
    ("data", {"k": "x" * 4_096}),
    ("data", []),
    ("data", {"$ref": "x"}),
    ("action_buttons", [{"text": "Go", "action": "go"}] * 4),
    ("action_buttons", {}),
    ("image_url", "javascript:alert(1)"),
    ("priority", "urgent"),
    ("priority", None),
    ("channels", []),
    ("channels", "email"),
    ("channels", ["in_app"] * 5),
    ("send_at", "tomorrow"),
    ("send_at", "2026-01-01T10:00:00"),
    ("send_at", 7),
    ("subject", "s"),
    ("sender_id", str(AN_ID)),
]


@pytest.mark.parametrize(("field", "value"), BAD, ids=lambda given: repr(given)[:24])
async def test_a_bad_field_is_named_and_nothing_is_sent(
    world: World, field: str, value: Any
) -> None:
    person = await world.person()
    answer = await world.send(person, **{field: value})
    assert (answer.status, list(answer.error["details"])) == (400, [field])
    assert (await world.inbox(person))["count"] == 0


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("action_buttons", [{"text": "x" * 25, "action": "go"}], "action_buttons.0.text"),
        ("action_buttons", [{"text": "Go"}], "action_buttons.0.action"),
        ("channels", ["in_app", "fax"], "channels.1"),
        ("channels", ["in_app", None], "channels.1"),
    ],
)
async def test_a_bad_part_is_named_by_its_place(
    world: World, field: str, value: Any, named: str
) -> None:
    answer = await world.send(await world.person(), **{field: value})
    assert (answer.status, list(answer.error["details"])) == (400, [named])


async def test_nobody_sends_to_themselves(world: World) -> None:
    admin = await world.person("admin")
    answer = await world.send(admin, by=admin.token)
    assert (answer.status, list(answer.error["details"])) == (400, ["recipient_id"])
    assert (await world.inbox(admin))["count"] == 0


async def test_an_unknown_recipient_is_404(world: World, service: Service) -> None:
    stranger = uuid4()
    answer = await world.send(stranger)
    assert (answer.status, answer.error["code"]) == (404, "NOT_FOUND")
    assert answer.error["details"] == {"user_id": str(stranger)}
    assert await service.stores.notifications.unread_count(stranger) == 0


async def test_the_path_answers_the_same_without_the_last_slash(api: Api, world: World) -> None:
    person = await world.person()
    answer = await api.post(NOTIFICATIONS[:-1], world.platform, direct_send(person.id))
    assert answer.status == 201


@pytest.mark.parametrize("user_type", ["customer", "ngo", "provider"])
async def test_only_admins_and_services_send(world: World, user_type: str) -> None:
    answer = await world.send(await world.person(), by=token(user_type=user_type))
    assert answer.status == 403


async def test_the_platform_cannot_send_such_an_event_itself(world: World) -> None:
    answer = await world.event("notification.requested", direct_send(uuid4()))
    assert (answer.status, list(answer.error["details"])) == (400, ["type"])


async def test_sends_at_once_are_each_one_notification(world: World) -> None:
    person = await world.person()
    answers = await asyncio.gather(*(world.send(person, title=f"No. {n}") for n in range(30)))
    assert {answer.status for answer in answers} == {201}
    page = await world.inbox(person, "?page_size=100")
    assert {row["id"] for row in page["results"]} == {answer.body["id"] for answer in answers}
    assert page["count"] == 30


async def test_a_time_that_is_none_is_now(world: World) -> None:
    assert (await world.send(await world.person(), send_at=None)).status == 201


@pytest.mark.parametrize("ahead", [timedelta(seconds=-1), timedelta(), timedelta(days=30, hours=1)])
async def test_a_time_in_the_past_or_too_far_ahead_is_400(world: World, ahead: timedelta) -> None:
    at = datetime.now(UTC) + ahead
    answer = await world.send(await world.person(), send_at=at.isoformat())
    assert (answer.status, list(answer.error["details"])) == (400, ["send_at"])
