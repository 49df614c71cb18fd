"""Operators see how sending is (contract section 2.6)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from motor.motor_asyncio import AsyncIOMotorDatabase

from rules.channel_health import ChannelHealth
from server.service import Service
from storage.client import Document, open_client
from tests.storage.samples import a_row
from tests.support.api import Api, token
from tests.support.world import World

OVERVIEW = "/api/ops/overview/"


@pytest.fixture
def admin() -> str:
    return token(user_type="admin")


@pytest.fixture
async def database(
    service: Service, mongodb_uri: str
) -> AsyncIterator[AsyncIOMotorDatabase[Document]]:
    client = open_client(mongodb_uri, app_name="tests")
    yield client[service.settings.mongodb_database]
    await client.aclose()


async def seen(api: Api, admin: str) -> dict[str, Any]:
    answer = await api.get(OVERVIEW, admin)
    assert answer.status == 200, answer.body
    body: dict[str, Any] = answer.body
    return body


async def channel_of(api: Api, admin: str, name: str) -> dict[str, Any]:
    by_name = {each["channel"]: each for each in (await seen(api, admin))["channels"]}
    assert list(by_name) == ["email", "push", "sms"]
    found: dict[str, Any] = by_name[name]
    return found


async def test_what_waits_is_counted_by_channel_and_together(
    service: Service, api: Api, admin: str
) -> None:
    before, sms = await seen(api, admin), await channel_of(api, admin, "sms")
    due_at = service.clock.store_now() + timedelta(days=1)
    for status in ("queued", "queued", "deferred", "sending", "sent"):
        ends = {} if status == "sent" else {"due_at": due_at}
        row = a_row(uuid4(), channels={"sms": {"status": status, **ends}})
        await service.stores.notifications.insert([row])
    after = await channel_of(api, admin, "sms")
    added = {"queued": 2, "deferred": 1, "in_flight": 1}
    assert {name: after[name] - sms[name] for name in added} == added
    now = await seen(api, admin)
    assert {name: now[name] - before[name] for name in added} == added


async def test_what_is_scheduled_and_what_is_on_the_queue(
    api: Api, world: World, admin: str
) -> None:
    before, email = await seen(api, admin), await channel_of(api, admin, "email")
    person = await world.person()
    await world.prefer(person, quiet_hours={"enabled": False})
    at = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    assert (await world.send(person, send_at=at)).status == 202
    assert (await world.send(person, channels=["email"])).status == 201

    async def has_more() -> bool:
        now, waiting = await seen(api, admin), await channel_of(api, admin, "email")
        # The mail that welcomes them, and this one.
        return (now["scheduled"], now["queue_depth"], waiting["queue_depth"]) == (
            before["scheduled"] + 1,
            before["queue_depth"] + 2,
            email["queue_depth"] + 2,
        )

    await world.eventually(has_more)


async def test_workers_tell_of_their_channels(
    service: Service, api: Api, admin: str, database: AsyncIOMotorDatabase[Document]
) -> None:
    processes = service.stores.processes
    assert (await seen(api, admin))["workers"] == []
    silent = await channel_of(api, admin, "push")
    assert (silent["circuit"], silent["success_rate"], silent["succeeded"]) == (None, None, 0)
    one, two, gone = [await processes.register(f"{n}/worker", "worker") for n in range(3)]
    await processes.beat(one, {"push": ChannelHealth("closed", 6, 1), "sms": NOTHING_SENT})
    await processes.beat(two, {"push": ChannelHealth("open", 2, 1), "sms": NOTHING_SENT})
    await processes.beat(gone, {"push": ChannelHealth("half_open", 0, 90)})
    await database["processes"].update_one(
        {"_id": gone.owner}, {"$set": {"beaten_at": datetime(2026, 1, 1, tzinfo=UTC)}}
    )
    push = await channel_of(api, admin, "push")
    shown = ("circuit", "succeeded", "failed", "success_rate")
    assert [push[name] for name in shown] == ["open", 8, 2, 0.8]
    sms = await channel_of(api, admin, "sms")
    assert [sms[name] for name in shown] == ["closed", 0, 0, None]
    workers = {each["instance"]: each for each in (await seen(api, admin))["workers"]}
    assert {name: each["is_alive"] for name, each in workers.items()} == {
        one.owner: True,
        two.owner: True,
        gone.owner: False,
    }
    shown_of_one = workers[one.owner]
    assert shown_of_one["epoch"] == 1
    assert shown_of_one["started_at"] <= shown_of_one["last_heartbeat_at"]
    assert workers[gone.owner]["last_heartbeat_at"] == "2026-01-01T00:00:00.000Z"


async def test_what_is_done_by_the_clock_is_shown(service: Service, api: Api, admin: str) -> None:
    jobs, at = service.stores.jobs, datetime(2026, 11, 22, 5, tzinfo=UTC)
    assert (await seen(api, admin))["jobs"] == []
    await jobs.begin("tidy", at=at, again_at=at + timedelta(hours=1))
    fresh = {
        "name": "tidy",
        "last_run_at": None,
        "duration_s": 0.0,
        "last_result": None,
        "error": None,
        "runs": 0,
        "failures": 0,
    }
    assert (await seen(api, admin))["jobs"] == [fresh]
    await jobs.succeeded("tidy", "3 rows removed", at=at, took=timedelta(seconds=1.5))
    await jobs.failed("tidy", "StoreUnavailable", at=at, took=timedelta(seconds=2.5), again_at=at)
    assert (await seen(api, admin))["jobs"] == [
        fresh
        | {
            "last_run_at": "2026-11-22T05:00:00.000Z",
            "duration_s": 2.5,
            "last_result": "3 rows removed",
            "error": "StoreUnavailable",
            "runs": 2,
            "failures": 1,
        }
    ]


NOTHING_SENT = ChannelHealth("closed", 0, 0)


async def test_a_paused_channel_is_shown_as_one(api: Api, admin: str) -> None:
    assert (await channel_of(api, admin, "email"))["is_paused"] is False
    paused = await api.post("/api/ops/channels/email/pause/", admin)
    email = await channel_of(api, admin, "email")
    assert {name: email[name] for name in paused.body} == paused.body
