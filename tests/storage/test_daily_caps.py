"""Caps over a Redis that forgets, and over one that is away; the store knows what was sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import structlog
from motor.motor_asyncio import AsyncIOMotorDatabase

from rules.caps import Reservation
from rules.kinds import Channel
from rules.local_day import LocalDay
from rules.timezones import zone_of
from storage.cap_ledger import CapLedger
from storage.charges import ChargesRepository
from storage.client import Document, open_client
from storage.daily_caps import AWAY_FOR_S, DailyCaps
from storage.positions import PositionClock
from storage.redis import RedisStore, RedisUnavailable
from storage.stores import Stores
from tests.storage.recorded import Recorded
from tests.storage.samples import a_row
from tests.support.own_redis import OwnRedis, own_redis
from tests.support.ticking import Ticking

IN_APP, EMAIL, PUSH, SMS = Channel
DELIVERED = {"in_app": {"status": "delivered"}}
SETTLES_WITHIN_S = 0.05


class Process:
    """What one process has of the caps."""

    def __init__(self, redis_url: str, database: AsyncIOMotorDatabase[Document]) -> None:
        self.redis = RedisStore(redis_url)
        self.ledger = CapLedger(self.redis)
        self.monotonic = Ticking()
        self.caps = DailyCaps(
            self.ledger,
            ChargesRepository(database),
            PositionClock(),
            settles_within_s=SETTLES_WITHIN_S,
            monotonic=self.monotonic,
        )

    async def admits(self, user_id: UUID, cap: int, notification_id: UUID | None = None) -> bool:
        """Tell whether one more is within the cap, in the app."""
        asked = Reservation(user_id, notification_id or uuid4(), today(), ((IN_APP, cap),))
        (found,) = await self.caps.reserve([asked])
        return IN_APP in found


def today() -> LocalDay:
    return LocalDay.of(PositionClock().store_now(), zone_of("Africa/Johannesburg"))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[OwnRedis]:
    with own_redis(tmp_path / "redis") as server:
        yield server


@pytest.fixture
def recorded() -> Recorded:
    """Keep what the store is asked."""
    return Recorded()


@pytest.fixture
async def process(
    store: OwnRedis, mongodb_uri: str, database_name: str, recorded: Recorded
) -> AsyncIterator[Process]:
    client = open_client(mongodb_uri, app_name="tests", event_listeners=[recorded])
    started = Process(store.url, client[database_name])
    yield started
    await started.redis.close()
    await client.aclose()


@pytest.fixture
async def other(
    store: OwnRedis, database: AsyncIOMotorDatabase[Document]
) -> AsyncIterator[Process]:
    started = Process(store.url, database)
    yield started
    await started.redis.close()


@pytest.fixture
def logged() -> Iterator[list[Any]]:
    with structlog.testing.capture_logs() as entries:
        yield entries


async def sent(stores: Stores, user_id: UUID, count: int, **fields: Any) -> list[UUID]:
    """Have the store know of notifications of today."""
    rows = [
        a_row(
            user_id,
            **{"created_at": PositionClock().store_now(), "channels": DELIVERED, **fields},
        )
        for _ in range(count)
    ]
    await stores.notifications.insert(rows)
    return [row.id for row in rows]


async def test_an_ordinary_day_costs_the_store_no_query(
    process: Process, recorded: Recorded
) -> None:
    await process.ledger.trust_from(int((today().starts_at - timedelta(days=1)).timestamp() * 1000))
    user_id = uuid4()
    assert [await process.admits(user_id, 2) for _ in range(3)] == [True, True, False]
    assert _queries(recorded) == 0


async def test_where_nobody_was_before_nothing_can_be_forgotten(
    process: Process, recorded: Recorded
) -> None:
    await process.caps.begin(is_first=True)
    assert await process.admits(uuid4(), 1)
    assert _queries(recorded) == 0


async def test_an_empty_redis_is_told_what_was_sent_before_it_is_trusted(
    process: Process, stores: Stores, recorded: Recorded
) -> None:
    user_id = uuid4()
    known = await sent(stores, user_id, 3)
    await process.caps.begin(is_first=False)
    assert [await process.admits(user_id, 5) for _ in range(3)] == [True, True, False]
    assert await process.admits(user_id, 5, known[0])
    assert _queries(recorded) == 1


async def test_what_is_forgotten_in_between_is_remembered_from_the_store(
    process: Process, other: Process, store: OwnRedis, stores: Stores, logged: list[Any]
) -> None:
    await process.caps.begin(is_first=True)
    user_id = uuid4()
    first = uuid4()
    assert await process.admits(user_id, 3, first)
    await sent(stores, user_id, 2)
    await sent(stores, user_id, 1, id=first)
    store.forget()
    admitted = await asyncio.gather(
        *(each.admits(user_id, 5) for each in (process, other) for _ in range(10))
    )
    assert sum(admitted) == 2
    assert "caps_were_forgotten" in {entry["event"] for entry in logged}


async def test_what_was_reserved_and_not_yet_sent_has_time_to_get_into_the_store(
    process: Process, store: OwnRedis, stores: Stores
) -> None:
    process.caps._settles_within_s = 2.0
    await process.caps.begin(is_first=True)
    user_id, first = uuid4(), uuid4()
    assert await process.admits(user_id, 1, first)
    store.forget()
    asked = asyncio.create_task(process.admits(user_id, 1))
    await sent(stores, user_id, 1, id=first)
    assert not await asked


async def test_only_what_counts_today_is_remembered(process: Process, stores: Stores) -> None:
    user_id = uuid4()
    day = today()
    yesterday = day.starts_at - timedelta(minutes=1)
    claimed = {"email": {"status": "sent", "attempts": 1, "charged_on": day.date.isoformat()}}
    waiting = {"email": {"status": "deferred", "reason": "quiet_hours", "attempts": 0}}
    refused = {"in_app": {"status": "suppressed", "reason": "daily_cap"}}
    await sent(stores, user_id, 1, created_at=yesterday)
    await sent(stores, user_id, 1, created_at=yesterday, channels=claimed)
    await sent(stores, user_id, 1, channels=waiting)
    await sent(stores, user_id, 1, channels=refused, in_app=False)
    await sent(stores, user_id, 1, priority="critical")
    await sent(stores, user_id, 1)
    await process.caps.begin(is_first=False)
    everything = tuple((channel, 2) for channel in Channel)
    asked = [Reservation(user_id, uuid4(), day, everything) for _ in range(2)]
    assert [set(each) for each in await process.caps.reserve(asked)] == [
        {IN_APP, EMAIL, PUSH, SMS},
        {PUSH, SMS},
    ]


async def test_users_in_other_time_zones_have_other_days(
    process: Process, stores: Stores, recorded: Recorded
) -> None:
    """The same instant is today's at one place and yesterday's at another."""
    now = PositionClock().store_now()
    zones = ("Pacific/Kiritimati", "Africa/Johannesburg", "Pacific/Niue")
    days = [LocalDay.of(now, zone_of(zone)) for zone in zones]
    at = max(day.starts_at for day in days)
    asked = []
    for day in days:
        user_id = uuid4()
        await sent(stores, user_id, 1, created_at=at - timedelta(seconds=1))
        asked.append(Reservation(user_id, uuid4(), day, ((IN_APP, 1),)))
    await process.caps.begin(is_first=False)
    granted = [bool(each) for each in await process.caps.reserve(asked)]
    assert granted == [day.starts_at == at for day in days]
    assert _queries(recorded) == len(days)


async def test_while_redis_is_away_it_is_asked_once_in_a_while(
    process: Process, store: OwnRedis, logged: list[Any]
) -> None:
    await process.caps.begin(is_first=True)
    user_id = uuid4()
    store.stop()
    for _ in range(3):
        with pytest.raises(RedisUnavailable):
            await process.admits(user_id, 1)
    process.monotonic.now_s += AWAY_FOR_S
    with pytest.raises(RedisUnavailable, match="ConnectionError"):
        await process.admits(user_id, 1)
    store.start()
    with pytest.raises(RedisUnavailable, match="a moment ago"):
        await process.admits(user_id, 1)
    process.monotonic.now_s += AWAY_FOR_S
    assert await process.admits(user_id, 1)
    assert [entry["event"] for entry in logged] == [
        "caps_cannot_be_counted",
        "caps_are_counted_again",
    ]


async def test_what_was_sent_without_redis_counts_when_it_is_back(
    process: Process, other: Process, store: OwnRedis, stores: Stores
) -> None:
    await process.caps.begin(is_first=True)
    user_id = uuid4()
    assert await process.admits(user_id, 2)
    process.caps.fall_behind()
    await sent(stores, user_id, 2)
    store.halt()
    with pytest.raises(RedisUnavailable):
        await process.admits(user_id, 2)
    store.go_on()
    process.monotonic.now_s += AWAY_FOR_S
    assert not await process.admits(user_id, 2)
    assert not await other.admits(user_id, 2)


async def test_a_process_may_begin_without_redis(
    process: Process, store: OwnRedis, logged: list[Any]
) -> None:
    store.stop()
    await process.caps.begin(is_first=True)
    assert [entry["event"] for entry in logged] == ["caps_cannot_be_counted"]
    store.start()
    assert await process.admits(uuid4(), 1)


async def test_a_redis_that_forgets_all_the_time_is_not_trusted(
    process: Process, store: OwnRedis
) -> None:
    class Forgetful(CapLedger):
        async def trust_from(self, since_ms: int) -> None:
            store.forget()

    caps = DailyCaps(Forgetful(process.redis), process.caps._charges, PositionClock())
    with pytest.raises(RedisUnavailable, match="forgets"):
        await caps.reserve([Reservation(uuid4(), uuid4(), today(), ((IN_APP, 1),))])


async def test_what_is_given_back_can_be_had_by_others(process: Process) -> None:
    await process.caps.begin(is_first=True)
    first = Reservation(uuid4(), uuid4(), today(), ((IN_APP, 1),))
    await process.caps.reserve([first])
    await process.caps.give_back([(first, [IN_APP])])
    assert await process.admits(first.user_id, 1)


async def test_the_store_can_be_asked_for_a_day(process: Process, stores: Stores) -> None:
    user_id, stranger = uuid4(), uuid4()
    known = await sent(stores, user_id, 2)
    ours, strangers = await process.caps.sent({user_id: today(), stranger: today()})
    assert ours.channels == {notification_id: [IN_APP] for notification_id in known}
    assert (strangers.user_id, strangers.channels) == (stranger, {})


def _queries(recorded: Recorded) -> int:
    return sum(name == "find" for name, _ in recorded.commands)
