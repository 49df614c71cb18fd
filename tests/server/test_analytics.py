"""How notifications do, counted by day, kind and channel (contract section 2.6)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from motor.motor_asyncio import AsyncIOMotorDatabase

from rules.days import starts_at
from rules.kinds import KINDS
from rules.unsubscribing import Scope
from server.service import Service
from storage.client import Document, open_client
from tasks.daily_statistics import DailyStatistics
from tests.storage.samples import a_row
from tests.support.api import Api, token
from tests.support.world import World

DELIVERIES = "/api/analytics/deliveries/"
ENGAGEMENT = "/api/analytics/engagement/"
OPT_OUTS = "/api/analytics/preferences/"
A_DAY = timedelta(days=1)
NOTHING = {"created": 0, "sent": 0, "delivered": 0, "failed": 0, "suppressed": 0}


@pytest.fixture
def admin() -> str:
    return token(user_type="admin")


@pytest.fixture
def today(service: Service) -> date:
    return service.statistics.today()


@pytest.fixture
async def database(
    service: Service, mongodb_uri: str
) -> AsyncIterator[AsyncIOMotorDatabase[Document]]:
    """Return the service's database, in which nothing has been counted or sent yet."""
    client = open_client(mongodb_uri, app_name="tests")
    database = client[service.settings.mongodb_database]
    for name in ("notifications", "daily_stats", "business_stats"):
        await database[name].delete_many({})
    yield database
    await client.aclose()


async def asked(api: Api, admin: str, path: str, **query: Any) -> dict[str, Any]:
    """Return key -> what is counted of it."""
    names = "&".join(f"{name.rstrip('_')}={value}" for name, value in query.items())
    answer = await api.get(f"{path}?{names}", admin)
    assert answer.status == 200, answer.body
    return {row.pop("key"): row for row in answer.body["results"]}


async def notify(service: Service, day: date, **changes: Any) -> None:
    at = starts_at(day) + timedelta(milliseconds=1)
    await service.stores.notifications.insert([a_row(uuid4(), created_at=at, **changes)])


MAILED: dict[str, Any] = {
    "channels": {"in_app": {"status": "delivered"}, "email": {"status": "bounced"}}
}
MUTED: dict[str, Any] = {
    "in_app": False,
    "channels": {"in_app": {"status": "suppressed"}, "email": {"status": "suppressed"}},
}


async def test_what_happens_today_is_counted_at_once(
    api: Api, world: World, admin: str, database: AsyncIOMotorDatabase[Document]
) -> None:
    person = await world.person()
    sent = await world.send(person, channels=["in_app", "email"])
    assert sent.status == 201
    deliveries = await asked(api, admin, DELIVERIES)
    assert deliveries["in_app"] == NOTHING | {"created": 1, "sent": 1, "delivered": 1}
    # The mail that welcomes them, too.
    assert deliveries["email"] == NOTHING | {"created": 2}
    before = await asked(api, admin, ENGAGEMENT)
    rates = {"read_rate": 0.0, "click_rate": 0.0}
    assert before["in_app"] == {"created": 1, "read": 0, "clicked": 0} | rates
    clicked = await api.post(f"/api/notifications/{sent.body['id']}/click/", person.token)
    assert clicked.status == 200
    after = await asked(api, admin, ENGAGEMENT)
    rates = {"read_rate": 1.0, "click_rate": 1.0}
    assert after["in_app"] == {"created": 1, "read": 1, "clicked": 1} | rates
    assert after["email"] == {
        "created": 2,
        "read": 1,
        "clicked": 1,
        "read_rate": 0.5,
        "click_rate": 0.5,
    }


async def test_groups_are_channels_kinds_or_days(
    service: Service,
    api: Api,
    admin: str,
    today: date,
    database: AsyncIOMotorDatabase[Document],
) -> None:
    yesterday = today - A_DAY
    await notify(service, yesterday, **MAILED, is_read=True)
    await notify(service, today, kind="promotional", **MUTED)
    span = {"from_": yesterday, "to": today}
    by_channel = await asked(api, admin, DELIVERIES, **span)
    assert list(by_channel) == ["in_app", "email", "push", "sms"]
    assert by_channel["email"] == NOTHING | {"created": 2, "sent": 1, "failed": 1, "suppressed": 1}
    by_type = await asked(api, admin, DELIVERIES, group_by="type", **span)
    assert list(by_type) == list(KINDS)
    assert by_type["promotional"] == NOTHING | {"created": 2, "suppressed": 2}
    assert by_type["welcome"] == NOTHING
    by_day = await asked(api, admin, ENGAGEMENT, group_by="day", **span)
    assert {day: row["created"] for day, row in by_day.items()} == {
        yesterday.isoformat(): 1,
        today.isoformat(): 0,
    }
    assert by_day[yesterday.isoformat()]["read_rate"] == 1.0


async def test_what_is_counted_already_is_not_counted_again(
    service: Service,
    api: Api,
    admin: str,
    today: date,
    database: AsyncIOMotorDatabase[Document],
) -> None:
    yesterday = today - A_DAY
    await notify(service, yesterday, **MAILED)
    stores = service.stores
    statistics = DailyStatistics(stores.fates, stores.opt_outs, stores.daily_stats, service.clock)
    before = await asked(api, admin, DELIVERIES, group_by="day", from_=yesterday, to=today)
    await statistics.count_due(service.clock.store_now())
    await database["notifications"].delete_many({})
    after = await asked(api, admin, DELIVERIES, group_by="day", from_=yesterday, to=today)
    assert after == before
    assert after[yesterday.isoformat()]["created"] == 2


async def test_by_default_it_is_thirty_days_until_today(api: Api, admin: str, today: date) -> None:
    for path in (DELIVERIES, ENGAGEMENT, OPT_OUTS):
        answer = await api.get(path, admin)
        assert (answer.body["from"], answer.body["to"]) == (
            (today - 29 * A_DAY).isoformat(),
            today.isoformat(),
        )
    days = await asked(api, admin, ENGAGEMENT, group_by="day", to="2026-01-31")
    assert (len(days), min(days), max(days)) == (30, "2026-01-02", "2026-01-31")
    answer = await api.get(f"{OPT_OUTS}?to=0001-01-05", admin)
    assert (answer.body["from"], answer.body["to"]) == ("0001-01-01", "0001-01-05")


async def test_a_time_stands_for_its_day(api: Api, admin: str) -> None:
    query = "from=2026-01-01T23:00:00-02:00&to=2026-01-03T00:00:00Z&group_by=day"
    answer = await api.get(f"{DELIVERIES}?{query}", admin)
    assert (answer.body["from"], answer.body["to"]) == ("2026-01-02", "2026-01-03")
    assert answer.body["group_by"] == "day"


@pytest.mark.parametrize("path", [DELIVERIES, ENGAGEMENT, OPT_OUTS])
@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("from=2026-01-02&to=2026-01-01", "from"),
        ("from=2025-01-01&to=2026-01-02", "from"),
        ("from=9999-01-01", "from"),
        ("from=yesterday", "from"),
        ("to=2026-13-01", "to"),
    ],
)
async def test_days_that_are_none_are_refused(
    api: Api, admin: str, path: str, query: str, field: str
) -> None:
    answer = await api.get(f"{path}?{query}", admin)
    assert (answer.status, list(answer.error["details"])) == (400, [field])


async def test_an_unknown_group_is_refused(api: Api, admin: str) -> None:
    answer = await api.get(f"{DELIVERIES}?group_by=week", admin)
    assert (answer.status, list(answer.error["details"])) == (400, ["group_by"])


async def test_a_year_can_be_asked_for(api: Api, admin: str) -> None:
    days = await asked(api, admin, ENGAGEMENT, from_="2024-01-01", to="2024-12-31", group_by="day")
    assert len(days) == 366


async def test_opt_outs_are_told_by_day_and_kind(
    service: Service, api: Api, world: World, admin: str, today: date
) -> None:
    async def rows() -> dict[str, tuple[int, int]]:
        answer = await api.get(f"{OPT_OUTS}?from={today - A_DAY}&to={today}", admin)
        assert {row["day"] for row in answer.body["results"]} <= {today.isoformat()}
        return {
            row["kind"]: (row["unsubscribes"], row["switched_off"])
            for row in answer.body["results"]
        }

    one, other = await world.person(), await world.person()
    assert await rows() == {}
    link = service.unsubscribe_links.token(one.id, Scope.ALL)
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    for _ in range(2):
        answer = await api.post(
            f"/unsubscribe/{link}/", raw=b"List-Unsubscribe=One-Click", headers=form
        )
        assert answer.status == 200
    await world.prefer(one, email_notifications=False, muted_types=["promotional"])
    await world.prefer(other, email_notifications=False, weekly_digest=True)
    assert await rows() == {"email": (1, 1), "promotional": (0, 1)}
    await service.stores.opt_outs.gather(before=datetime.now(UTC) + A_DAY)
    assert await rows() == {"email": (1, 1), "promotional": (0, 1)}
