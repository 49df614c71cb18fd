"""Every time zone's week is made due once, to be carried out at 08:00 there."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from motor.motor_asyncio import AsyncIOMotorDatabase

from rules.timezones import TIMEZONES
from storage.client import Document
from storage.positions import PositionClock
from storage.stores import Stores
from tasks.weekly_digest import WeeklyDigests

JOHANNESBURG = "Africa/Johannesburg"
HOUR = timedelta(hours=1)
_WEEKS = count()


@pytest.fixture
def eight() -> datetime:
    """Return eight o'clock in Johannesburg on a Monday that no other test has."""
    return datetime(2027, 1, 4, 6, tzinfo=UTC) + timedelta(weeks=next(_WEEKS))


@pytest.fixture
def digests(stores: Stores, clock: PositionClock) -> WeeklyDigests:
    return WeeklyDigests(stores.events, stores.schedules, clock)


async def due(database: AsyncIOMotorDatabase[Document], monday: datetime) -> list[Document]:
    return (
        await database["events"]
        .find(
            {
                "type": "weekly_digest.due",
                "sender": {"$exists": True},
                "event_id": {"$in": [*TIMEZONES]},
            }
            | {"occurred_at": {"$gte": monday - 24 * HOUR, "$lt": monday + 30 * HOUR}}
        )
        .to_list(None)
    )


async def planned(
    database: AsyncIOMotorDatabase[Document], monday: datetime
) -> dict[str, datetime]:
    rows = (
        await database["schedules"]
        .find({"at": {"$gte": monday - 24 * HOUR, "$lt": monday + 30 * HOUR}})
        .to_list(None)
    )
    return {row["event"]["event_id"]: row["at"] for row in rows}


async def test_what_is_due_is_an_event_and_what_is_due_soon_is_planned_for_its_time(
    digests: WeeklyDigests, eight: datetime, database: AsyncIOMotorDatabase[Document]
) -> None:
    done = await digests.run(eight)
    zones = {row["event_id"] for row in await due(database, eight)}
    assert {JOHANNESBURG, "Europe/Helsinki", "Asia/Kolkata", "Asia/Tokyo"} <= zones
    assert not zones & {"Europe/Berlin", "America/New_York", "Pacific/Kiritimati"}
    soon = await planned(database, eight)
    assert soon["Europe/Berlin"] == eight + HOUR
    assert soon["Europe/London"] == eight + 2 * HOUR
    assert "America/New_York" not in soon
    assert (done.due, done.planned) == (len(zones), len(soon))
    assert str(done) == f"{len(zones)} time zones due, {len(soon)} planned"


async def test_however_often_it_runs_each_is_there_once(
    stores: Stores,
    clock: PositionClock,
    eight: datetime,
    database: AsyncIOMotorDatabase[Document],
) -> None:
    workers = [WeeklyDigests(stores.events, stores.schedules, clock) for _ in range(3)]
    for minutes in (-90, 0, 5, 65):
        as_of = eight + timedelta(minutes=minutes)
        await asyncio.gather(*(worker.run(as_of) for worker in workers))
    told = Counter(row["event_id"] for row in await due(database, eight))
    assert set(told.values()) == {1}
    assert not await workers[0].run(eight + timedelta(minutes=65))


async def test_a_day_is_told_whole_whenever_it_is_looked_at(
    digests: WeeklyDigests, eight: datetime, database: AsyncIOMotorDatabase[Document]
) -> None:
    for hours in range(-14, 24):
        await digests.run(eight + hours * HOUR)
    keys = {row["event_id"] for row in await due(database, eight)}
    assert keys | (await planned(database, eight)).keys() == TIMEZONES


async def test_planned_and_found_due_it_is_the_same_event(
    stores: Stores,
    clock: PositionClock,
    eight: datetime,
    database: AsyncIOMotorDatabase[Document],
) -> None:
    await WeeklyDigests(stores.events, stores.schedules, clock).run(eight - HOUR)
    (row,) = [
        row
        async for row in database["schedules"].find({"event.event_id": JOHANNESBURG, "at": eight})
    ]
    await WeeklyDigests(stores.events, stores.schedules, clock).run(eight)
    keys = {each["event_id"]: each["_id"] for each in await due(database, eight)}
    assert keys[JOHANNESBURG] == row["event"]["key"]


async def test_on_other_days_nothing_is_due(digests: WeeklyDigests, eight: datetime) -> None:
    wednesday: Any = await digests.run(eight + timedelta(days=2))
    assert not wednesday


async def test_by_hand_it_helps_as_long_as_it_would_then(
    stores: Stores, clock: PositionClock, digests: WeeklyDigests, eight: datetime
) -> None:
    await digests.run(eight + HOUR)
    lease = await stores.processes.register("digests", "server")
    claimed = await stores.events.claim_unowned(
        lease, lanes=["fan_out"], limit=5_000, now=clock.store_now()
    )
    (event,) = [
        each
        for each in claimed
        if each.event_id == JOHANNESBURG and each.data["monday"] == f"{eight:%Y-%m-%d}"
    ]
    left = datetime.fromisoformat(event.data["until"]) - clock.store_now()
    assert timedelta(hours=10.9) < left <= timedelta(hours=11)
