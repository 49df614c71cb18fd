"""Operators ask what the gates would say, and nothing is sent (contract section 2.6)."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from server.service import Service
from tests.support.api import Api, token
from tests.support.service import running
from tests.support.world import Person, World

SIMULATE = "/api/ops/simulate/"
NOON = "2026-11-23T12:00:00+02:00"
NIGHT = "2026-11-23T23:00:00+02:00"


@pytest.fixture
def admin() -> str:
    return token(user_type="admin")


async def simulated(api: Api, admin: str, person: Person, **asked: Any) -> dict[str, Any]:
    body = {"user_id": str(person.id), "notification_type": "new_listing", "at": NOON, **asked}
    answer = await api.post(SIMULATE, admin, body)
    assert answer.status == 200, answer.body
    found: dict[str, Any] = answer.body
    return found


def decisions(found: dict[str, Any]) -> dict[str, tuple[str, str | None]]:
    return {each["channel"]: (each["decision"], each["reason"]) for each in found["channels"]}


async def test_each_channel_of_the_type_says_what_becomes_of_it(
    api: Api, world: World, admin: str
) -> None:
    person = await world.person()
    found = await simulated(api, admin, person)
    assert {name: found[name] for name in found if name != "channels"} == {
        "user_id": str(person.id),
        "notification_type": "new_listing",
        "at": "2026-11-23T10:00:00.000Z",
        "priority": "normal",
    }
    assert decisions(found) == {
        "in_app": ("send", None),
        "email": ("send", None),
        "push": ("suppress", "no_address"),
    }
    email = found["channels"][1]
    assert (email["sent_today"], email["daily_cap"], email["until"]) == (0, 10, None)
    assert [(each["gate"], each["verdict"]) for each in email["gates"]] == [
        ("mute_all", "pass"),
        ("muted_types", "pass"),
        ("muted_businesses", "exempt"),
        ("type_preference", "pass"),
        ("channel_preference", "pass"),
        ("no_address", "pass"),
        ("daily_cap", "pass"),
        ("quiet_hours", "pass"),
    ]


async def test_at_another_time_and_with_another_priority(
    api: Api, world: World, admin: str
) -> None:
    person = await world.person()
    night = await simulated(api, admin, person, at=NIGHT)
    assert decisions(night)["email"] == ("defer", "quiet_hours")
    assert night["channels"][1]["until"] == "2026-11-24T05:00:00.000Z"
    critical = await simulated(api, admin, person, at=NIGHT, priority="critical")
    assert decisions(critical)["email"] == ("send", None)


async def test_preferences_of_the_user_count(api: Api, world: World, admin: str) -> None:
    person = await world.person()
    await world.prefer(person, email_notifications=False, muted_types=["review_received"])
    found = decisions(await simulated(api, admin, person))
    assert found["email"] == ("suppress", "channel_preference")
    review = await simulated(api, admin, person, notification_type="review_received")
    assert set(decisions(review).values()) == {("suppress", "muted_types")}


async def test_without_a_time_it_is_now(
    service: Service, api: Api, world: World, admin: str
) -> None:
    person = await world.person()
    for at in (None, ...):
        asked = {"user_id": str(person.id), "notification_type": "welcome"}
        answer = await api.post(SIMULATE, admin, asked if at is ... else {**asked, "at": at})
        assert answer.status == 200
        assert answer.body["at"][:10] == service.clock.store_now().date().isoformat()


async def test_a_suppressed_address_is_none(
    service: Service, api: Api, world: World, admin: str
) -> None:
    person = await world.person()
    assert decisions(await simulated(api, admin, person))["email"] == ("send", None)
    await service.stores.reachability.lose(
        "email",
        f"{person.id}@example.org",
        reason="bounced",
        user_id=person.id,
        at=service.clock.store_now(),
    )
    found = decisions(await simulated(api, admin, person))
    assert found["email"] == ("suppress", "no_address")


async def test_what_was_sent_today_counts_to_the_cap_and_asking_does_not(
    mongodb_uri: str, redis_url: str, database_name: str, admin: str
) -> None:
    caps = '{"customer": {"in_app": 2}}'
    async with running(mongodb_uri, redis_url, database_name, SNB_DAILY_CAPS=caps) as service:
        api = Api(service.settings.public_url)
        world = World(api)
        person = await world.person()
        for _ in range(2):
            for _ in range(3):
                found = await simulated(api, admin, person, at=None)
                assert found["channels"][0]["decision"] == "send"
            assert (await world.send(person)).status == 201
        found = await simulated(api, admin, person, at=None)
        in_app = found["channels"][0]
        assert (in_app["sent_today"], in_app["daily_cap"]) == (2, 2)
        assert decisions(found)["in_app"] == ("suppress", "daily_cap")
        assert (await world.inbox(person))["count"] == 2
        api.close()


async def test_nobody_known_is_not_found(api: Api, admin: str) -> None:
    asked = {"user_id": str(uuid4()), "notification_type": "welcome"}
    answer = await api.post(SIMULATE, admin, asked)
    assert (answer.status, answer.error["code"]) == (404, "NOT_FOUND")


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"user_id": "me"}, "user_id"),
        ({"notification_type": "gossip"}, "notification_type"),
        ({"at": "2026-11-23T12:00:00"}, "at"),
        ({"at": "9999-12-31T23:59:59Z"}, "at"),
        ({"at": "0001-01-01T00:00:00Z"}, "at"),
        ({"priority": "urgent"}, "priority"),
        ({"channels": ["sms"]}, "channels"),
    ],
)
async def test_what_is_no_question_is_refused(
    api: Api, admin: str, changes: dict[str, Any], named: str
) -> None:
    asked = {"user_id": str(uuid4()), "notification_type": "welcome", **changes}
    answer = await api.post(SIMULATE, admin, asked)
    assert (answer.status, set(answer.error["details"])) == (400, {named})
