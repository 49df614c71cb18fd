"""The digest of a week, from the clock to the rows that workers send (contract section 5)."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

import pymongo
import pytest

from rules.ids import digest_key
from server.service import Service
from storage.client import open_client
from storage.encryption import FieldCipher
from storage.filing import unfiled
from storage.positions import PositionClock
from storage.stores import open_stores
from tasks.weekly_digest import WeeklyDigests, Weeks
from tests.support.api import Api
from tests.support.processes import ServerProcess
from tests.support.seed import seed_followers
from tests.support.service import KEY
from tests.support.world import Person, World, eventually

ZONES = ("Africa/Johannesburg", "America/New_York")

_WEEKS = count()


@pytest.fixture
def eight() -> datetime:
    """Return eight o'clock in Johannesburg on a Monday that no other test has."""
    return datetime(2027, 1, 4, 6, tzinfo=UTC) + timedelta(weeks=next(_WEEKS))


@pytest.fixture
async def world(api: Api) -> AsyncIterator[World]:
    made = World(api)
    yield made
    made.close()


async def digest_week(service: Service, as_of: datetime) -> Weeks:
    """Make due what is due, as a worker does, and wait until it is carried out."""
    stores = service.stores
    digests = WeeklyDigests(stores.events, stores.schedules, service.clock, timezones=ZONES)
    done = await digests.run(as_of)

    async def is_carried_out() -> bool:
        return await stores.events.pending_count() == 0

    await eventually(is_carried_out, within_s=120.0)
    return done


async def digests_of(service: Service, *people: Person) -> list[list[dict[str, Any]]]:
    """Return the digests of each of `people`, as they are stored."""
    return [
        [
            row
            async for rows in service.stores.history.of(
                person.id, until=service.clock.store_now() + timedelta(seconds=1)
            )
            for row in rows
            if row["kind"] == "weekly_digest"
        ]
        for person in people
    ]


async def has_read(world: World, person: Person) -> None:
    answer = await world.api.post("/api/notifications/mark-all-read/", person.token)
    assert answer.status == 200


async def follower_with(world: World, *names: str, **fields: Any) -> Person:
    """Register somebody who follows a shop of these listings, and has read of them."""
    shop = await world.shop()
    person = await world.follower(shop, **fields)
    await world.prefer(person, quiet_hours={"enabled": False})
    for name in names:
        await world.post_listing(shop, name)
    await world.told(person, len(names))
    await has_read(world, person)
    return person


@pytest.mark.timeout(seconds=300)
async def test_who_has_something_to_be_told_gets_one_mail_with_it(
    service: Service, world: World, eight: datetime
) -> None:
    offered = await follower_with(world, "Margherita", "Focaccia")
    waiting = await world.person()
    await world.send(waiting, notification_type="pickup_missed", channels=["in_app"])
    await world.send(waiting, channels=["in_app"])
    unwilling = await follower_with(world, "Calzone")
    await world.prefer(unwilling, weekly_digest=False)
    mute = await follower_with(world, "Calzone")
    await world.prefer(mute, mute_all=True)
    idle = await world.person()
    assert (await digest_week(service, eight)).due
    ((of_offers,), (of_unread,), none, (refused,), nothing) = await digests_of(
        service, offered, waiting, unwilling, mute, idle
    )
    assert none == nothing == []
    assert unfiled(refused["channels"]) == {"email": {"status": "suppressed", "reason": "mute_all"}}
    data = of_offers["data"]
    assert [each["listing_name"] for each in data["listings"]] == ["Margherita", "Focaccia"]
    assert {each["business_name"] for each in data["listings"]} == {"Mario's"}
    assert (data["offers"], data["unread_count"], data["recently_unread"]) == (2, 0, 0)
    assert data["week"] == f"{eight:%Y-%m-%d}"
    assert of_offers["in_app"] is False
    assert of_offers["channels"]["email"]["status"] == "queued"
    data = of_unread["data"]
    assert (data["listings"], data["offers"], data["unread_count"]) == ([], 0, 2)
    assert (data["missed_pickups"], data["unread_reminders"]) == (1, 0)


@pytest.mark.timeout(seconds=300)
async def test_what_is_gone_muted_or_of_another_week_is_not_told(
    service: Service, world: World, eight: datetime
) -> None:
    shop, muted = await world.shop(), await world.shop()
    person = await world.follower(shop)
    await world.follow(person, muted)
    kept = await world.post_listing(shop, "Kept")
    removed = await world.post_listing(shop, "Removed")
    await world.post_listing(
        shop, "Expired", expiry_date=(datetime.now(UTC) - timedelta(hours=1)).isoformat()
    )
    # Of what is removed before anybody is told nobody is.
    await world.told(person, 3)
    await world.event("listing.removed", {"listing_id": removed})
    await world.post_listing(muted, "Muted")
    long_ago = (datetime.now(UTC) - timedelta(days=8)).isoformat()
    old = {
        "listing_id": "old",
        "business_id": str(shop.id),
        "name": "Old",
        "price": "1.00",
        "expiry_date": (datetime.now(UTC) + timedelta(days=1)).isoformat(),
        "pickup_location": "x",
    }
    await world.event("listing.created", old, occurred_at=long_ago)
    await world.told(person, 5)
    await world.prefer(person, muted_businesses=[str(muted.id)])
    await digest_week(service, eight)
    ((digest,),) = await digests_of(service, person)
    assert [each["listing_id"] for each in digest["data"]["listings"]] == [kept]


@pytest.mark.timeout(seconds=300)
async def test_one_a_week_whoever_makes_it_due_and_wherever_one_moves(
    service: Service, world: World, eight: datetime
) -> None:
    """Two workers at once, again later, and in another time zone on the same Monday."""
    stays = await follower_with(world, "Margherita")
    moves = await follower_with(world, "Margherita")
    await asyncio.gather(*(digest_week(service, eight) for _ in range(2)))
    first = await digests_of(service, stays, moves)
    await world.prefer(moves, timezone="America/New_York")
    await digest_week(service, eight + timedelta(hours=7))
    assert await digests_of(service, stays, moves) == first
    assert [len(each) for each in first] == [1, 1]
    await digest_week(service, eight + timedelta(hours=7, weeks=1))
    later = await digests_of(service, stays, moves)
    assert [len(each) for each in later] == [2, 2]


@pytest.mark.timeout(seconds=300)
async def test_one_that_comes_too_late_is_not_told(
    service: Service, world: World, eight: datetime
) -> None:
    person = await follower_with(world, "Margherita")
    # Half a second before the evening, and carried out when that is over.
    await digest_week(service, eight + timedelta(hours=12, milliseconds=-1))
    assert await digests_of(service, person) == [[]]


SHOPPERS = 1_000


async def make_due(mongodb_uri: str, database_name: str, as_of: datetime) -> None:
    """Make due what is due, with a client of this process's own."""
    client = open_client(mongodb_uri, app_name="tests")
    database = client[database_name]
    clock = PositionClock()
    await clock.measure(database)
    stores = open_stores(database, FieldCipher([base64.b64decode(KEY)]), clock)
    digests = WeeklyDigests(stores.events, stores.schedules, clock, timezones=ZONES)
    await digests.run(as_of)
    await client.aclose()


@pytest.mark.timeout(seconds=300)
async def test_a_server_killed_half_way_tells_everybody_once(
    process: ServerProcess, eight: datetime, mongodb_uri: str, database_name: str
) -> None:
    await process.start()
    api = Api(process.base_url)
    world = World(api)
    shop = await world.shop()
    await world.post_listing(shop)
    shoppers = seed_followers(mongodb_uri, database_name, shop.id, SHOPPERS)
    with pymongo.MongoClient[dict[str, Any]](
        mongodb_uri, uuidRepresentation="standard", tz_aware=True
    ) as client:
        database = client[database_name]

        def told() -> list[UUID]:
            found = database["notifications"].find(
                {"kind": "weekly_digest", "event_id": digest_key(eight.date())}
            )
            return [row["recipient_id"] for row in found if row["recipient_id"] in everybody]

        everybody = set(shoppers)
        await make_due(mongodb_uri, database_name, eight)

        async def has_begun() -> bool:
            return bool(told())

        await eventually(has_begun, within_s=120.0)
        process.kill()
        assert len(told()) < SHOPPERS, "it was killed too late"
        await process.start()

        async def is_done() -> bool:
            return not database["events"].count_documents({"state": "pending"})

        await eventually(is_done, within_s=120.0)
        assert sorted(told()) == sorted(shoppers)
    api.close()
