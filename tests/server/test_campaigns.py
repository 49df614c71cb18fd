"""Campaigns by REST: made, listed, shown, refused (contract section 2.6)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from server.schemas.campaigns import MOST_BUSINESSES, MOST_USERS
from server.service import Service
from tests.support.api import AN_ID, Api, token
from tests.support.campaigns import CAMPAIGNS, Admin, a_campaign
from tests.support.service import running
from tests.support.world import World


@pytest.fixture
def admin(api: Api) -> Admin:
    return Admin(api)


def in_future(ahead: timedelta) -> str:
    return (datetime.now(UTC) + ahead).isoformat(timespec="milliseconds")


async def test_a_campaign_is_answered_as_it_is_shown(world: World, admin: Admin) -> None:
    person = await world.person()
    made = await admin.makes(
        audience={"user_ids": [str(person.id)]}, template="promotional", draft=True
    )
    assert made == {
        **a_campaign(audience={"user_ids": [str(person.id)]}),
        "id": made["id"],
        "template": "promotional",
        "send_at": None,
        "status": "draft",
        "progress": {"audience": 1, "processed": 0, "created": 0, "suppressed": 0, "failed": 0},
        "created_at": made["created_at"],
        "started_at": None,
        "completed_at": None,
        "created_by": str(admin.id),
        "reason": None,
    }
    assert await admin.sees(made["id"]) == made


async def test_a_campaign_runs_at_once_and_tells_its_audience(world: World, admin: Admin) -> None:
    told, other = await world.person(), await world.person()
    made = await admin.makes(audience={"user_ids": [str(told.id), str(uuid4())]})
    assert made["status"] in ("running", "completed")
    done = await admin.waits_for(made["id"])
    assert done["progress"] == {
        "audience": 1,
        "processed": 1,
        "created": 1,
        "suppressed": 0,
        "failed": 0,
    }
    assert done["created_at"] <= done["started_at"] <= done["completed_at"]
    (got,) = await world.told(told)
    assert got["notification_type"] == "system_announcement"
    assert (got["title"], got["message"]) == (made["title"], made["message"])
    assert got["sender"] is None
    assert (await world.inbox(other))["count"] == 0


async def test_a_draft_waits_until_it_is_started(world: World, admin: Admin) -> None:
    person = await world.person()
    made = await admin.makes(audience={"user_ids": [str(person.id)]}, draft=True)
    started = await admin.does(made["id"], "start")
    assert started["status"] in ("running", "completed")
    await admin.waits_for(made["id"])
    await world.told(person)


async def test_a_campaign_with_a_time_runs_at_its_time(world: World, admin: Admin) -> None:
    person = await world.person()
    send_at = in_future(timedelta(seconds=2))
    made = await admin.makes(audience={"user_ids": [str(person.id)]}, send_at=send_at)
    assert made["status"] == "scheduled"
    assert datetime.fromisoformat(made["send_at"]) == datetime.fromisoformat(send_at)
    done = await admin.waits_for(made["id"])
    assert datetime.fromisoformat(done["started_at"]) >= datetime.fromisoformat(send_at)
    await world.told(person)


async def test_channels_are_those_that_were_chosen(
    world: World, admin: Admin, service: Service
) -> None:
    person = await world.person(email="anna@example.org")
    await world.prefer(person, quiet_hours={"enabled": False})
    made = await admin.makes(
        audience={"user_ids": [str(person.id)]}, channels=["email", "sms", "email"]
    )
    assert made["channels"] == ["email", "sms"]
    await admin.waits_for(made["id"])
    (row,) = await service.stores.notifications._rows.find(
        {"recipient_id": person.id, "kind": "system_announcement"}
    )
    assert row["in_app"] is False
    assert {name: state["status"] for name, state in row["channels"].items()} == {
        "email": "queued",
        "sms": "suppressed",
    }
    assert (str(row["campaign_id"]), row["title"]) == (made["id"], made["title"])


async def test_who_wants_no_promotions_counts_as_suppressed(world: World, admin: Admin) -> None:
    wants, does_not = await world.person(), await world.person()
    await world.prefer(wants, promotional_notifications=True)
    made = await admin.makes(
        audience={"user_ids": [str(wants.id), str(does_not.id)]},
        notification_type="promotional",
    )
    done = await admin.waits_for(made["id"])
    assert done["progress"] == {
        "audience": 2,
        "processed": 2,
        "created": 1,
        "suppressed": 1,
        "failed": 0,
    }
    await world.told(wants)
    assert (await world.inbox(does_not))["count"] == 0


async def test_campaigns_are_listed_newest_first_without_the_ids_of_users(admin: Admin) -> None:
    one = await admin.makes(audience={"user_ids": [str(uuid4())], "locales": ["en"]}, draft=True)
    two = await admin.makes(audience={"user_types": ["ngo"]}, draft=True)
    answer = await admin.api.get(f"{CAMPAIGNS}?page_size=2", admin.token)
    assert answer.status == 200
    assert answer.body["count"] >= 2
    assert answer.body["results"] == [two, {**one, "audience": {"locales": ["en"]}}]
    rest = await admin.api.get(f"{CAMPAIGNS}?page_size=1&page=2", admin.token)
    assert [each["id"] for each in rest.body["results"]] == [one["id"]]
    assert rest.body["previous"].endswith("page_size=1&page=1")


async def test_there_is_no_such_campaign(admin: Admin) -> None:
    for path in (f"{uuid4()}/", f"{uuid4()}/pause/"):
        method = "GET" if path.count("/") == 1 else "POST"
        answer = await admin.api.request(method, CAMPAIGNS + path, admin.token)
        assert (answer.status, answer.error["code"]) == (404, "NOT_FOUND")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": ""}, "name"),
        ({"title": "t" * 121}, "title"),
        ({"message": "m" * 1_001}, "message"),
        ({"notification_type": "welcome"}, "notification_type"),
        ({"channels": []}, "channels"),
        ({"channels": ["fax"]}, "channels.0"),
        ({"channels": None}, "channels"),
        ({"audience": None}, "audience"),
        ({"audience": {"user_types": []}}, "audience.user_types"),
        ({"audience": {"user_types": ["service"]}}, "audience.user_types.0"),
        ({"audience": {"followers_of": ["x"]}}, "audience.followers_of.0"),
        (
            {"audience": {"followers_of": [str(AN_ID)] * (MOST_BUSINESSES + 1)}},
            "audience.followers_of",
        ),
        (
            {"audience": {"user_ids": [str(AN_ID)] * (MOST_USERS + 1)}},
            "audience.user_ids",
        ),
        ({"audience": {"locales": ["?"]}}, "audience.locales.0"),
        ({"audience": {"active_since": "yesterday"}}, "audience.active_since"),
        ({"audience": {"shoe_size": 42}}, "audience.shoe_size"),
        ({"template": "no_such"}, "template"),
        ({"send_at": "2020-01-01T00:00:00Z"}, "send_at"),
        ({"send_at": "2100-01-01T00:00:00Z"}, "send_at"),
        ({"draft": "yes"}, "draft"),
        ({"priority": "critical"}, "priority"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_what_cannot_be_is_refused_by_its_field(
    admin: Admin, changes: dict[str, Any], field: str
) -> None:
    answer = await admin.post(**changes)
    assert (answer.status, answer.error["code"]) == (400, "VALIDATION_ERROR")
    assert list(answer.error["details"]) == [field]


async def test_a_retry_under_the_same_key_makes_one_campaign(admin: Admin) -> None:
    headers = {"Idempotency-Key": uuid4().hex}
    body = a_campaign(draft=True)
    first, again = [
        await admin.api.post(CAMPAIGNS, admin.token, body, headers=headers) for _ in range(2)
    ]
    assert (first.status, again.status) == (201, 201)
    assert first.body == again.body
    other = await admin.api.post(
        CAMPAIGNS, admin.token, {**body, "title": "Another"}, headers=headers
    )
    assert (other.status, other.error["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")


async def test_whatever_is_done_is_on_record(admin: Admin) -> None:
    made = await admin.makes(draft=True)
    await admin.does(made["id"], "cancel")
    answer = await admin.api.get(f"/api/audit-log/?actor_id={admin.id}", admin.token)
    assert [(row["action"], row["target"], row["details"]) for row in answer.body["results"]] == [
        ("campaign.cancel", made["id"], {"status": "draft"}),
        ("campaign.create", made["id"], {"name": made["name"]}),
    ]


async def test_an_admin_makes_five_an_hour_and_does_with_them_what_they_like(
    mongodb_uri: str, redis_url: str, database_name: str
) -> None:
    async with running(
        mongodb_uri, redis_url, f"{database_name}_limits", SNB_RATE_LIMITS="{}"
    ) as service:
        api = Api(service.settings.public_url)
        admin, other = Admin(api), Admin(api)
        made = [await admin.makes(draft=True) for _ in range(5)]
        refused = await admin.post(draft=True)
        assert (refused.status, refused.error["code"]) == (429, "RATE_LIMITED")
        assert refused.headers["Retry-After"]
        await other.makes(draft=True)
        for each in made:
            await admin.does(each["id"], "cancel")
        body = {key: value for key, value in a_campaign().items() if key != "name"}
        for _ in range(6):
            answer = await api.post(f"{CAMPAIGNS}preview/", admin.token, body)
            assert answer.status == 200
        api.close()


@pytest.mark.parametrize("user_type", ["customer", "ngo", "provider", "service"])
async def test_only_admins_make_campaigns(api: Api, user_type: str) -> None:
    answer = await api.post(CAMPAIGNS, token(uuid4(), user_type), a_campaign())
    assert (answer.status, answer.error["code"]) == (403, "PERMISSION_DENIED")
