"""Caps of a day (contract section 5) on two processes over the same stores."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from rules.kinds import Channel
from rules.local_day import LocalDay
from rules.timezones import DEFAULT_TIMEZONE, zone_of
from server.service import Service
from tests.support.api import Api
from tests.support.own_redis import own_redis
from tests.support.service import running
from tests.support.world import Person, World

CAPS = {"customer": {"in_app": 5, "email": 3, "push": None}, "admin": {"in_app": 2}}
NEVER_QUIET = {"quiet_hours": {"enabled": False}}


@pytest.fixture
async def service(mongodb_uri: str, redis_url: str, database_name: str) -> AsyncIterator[Service]:
    """Run one server process with small caps."""
    async with capped(mongodb_uri, redis_url, database_name, "test:one") as started:
        yield started


@pytest.fixture
async def other(
    service: Service, mongodb_uri: str, redis_url: str, database_name: str
) -> AsyncIterator[World]:
    """Make things happen through another."""
    async with capped(mongodb_uri, redis_url, database_name, "test:other") as started:
        client = Api(started.settings.public_url)
        yield World(client)
        client.close()


def capped(mongodb_uri: str, redis_url: str, database: str, instance: str) -> Any:
    return running(
        mongodb_uri,
        redis_url,
        database,
        SNB_INSTANCE=instance,
        SNB_DAILY_CAPS=json.dumps(CAPS),
    )


async def statuses(worlds: tuple[World, ...], person: Person, times: int) -> Counter[int]:
    """Send in parallel, by each of `worlds` in turn."""
    answers = await asyncio.gather(
        *(worlds[index % len(worlds)].send(person) for index in range(times))
    )
    return Counter(answer.status for answer in answers)


async def test_of_fifty_sent_at_once_with_two_left_two_are_made(world: World, other: World) -> None:
    person = await world.person()
    assert await statuses((world,), person, 3) == {201: 3}
    assert await statuses((world, other), person, 50) == {201: 2, 422: 48}
    assert (await world.inbox(person))["count"] == 5


async def test_who_is_over_the_cap_is_named_as_such_and_gets_no_row(
    world: World, service: Service
) -> None:
    person = await world.person()
    await statuses((world,), person, 5)
    refused = await world.send(person)
    assert (refused.status, refused.error["code"]) == (422, "NOTIFICATION_LIMIT_EXCEEDED")
    assert await service.stores.notifications.unread_count(person.id) == 5


async def test_what_is_critical_is_sent_all_the_same(world: World) -> None:
    person = await world.person()
    assert await statuses((world,), person, 5) == {201: 5}
    assert (await world.send(person, priority="critical")).status == 201


async def test_types_of_users_have_their_own_caps(world: World) -> None:
    admin, ngo = await world.person("admin"), await world.person("ngo")
    assert await statuses((world,), admin, 4) == {201: 2, 422: 2}
    assert await statuses((world,), ngo, 8) == {201: 8}


async def test_a_fan_out_leaves_out_of_the_app_whoever_has_had_enough(world: World) -> None:
    shop = await world.shop()
    full, hungry = await world.follower(shop), await world.follower(shop)
    await statuses((world,), full, 5)
    await world.post_listing(shop)
    await world.told(hungry)
    assert (await world.inbox(full))["count"] == 5


async def test_each_channel_has_its_own_cap(world: World, service: Service) -> None:
    shop = await world.shop()
    person = await world.follower(shop)
    await world.prefer(person, **NEVER_QUIET)
    for count in range(1, 6):
        await world.post_listing(shop)
        await world.told(person, count)
    today = LocalDay.of(service.clock.store_now(), zone_of(DEFAULT_TIMEZONE))
    (charges,) = await service.stores.charges.on({person.id: today})
    counted = Counter(channel for channels in charges.channels.values() for channel in channels)
    assert counted == {Channel.IN_APP: 5, Channel.EMAIL: 3}


async def test_what_redis_forgot_still_counts(
    mongodb_uri: str, database_name: str, tmp_path: Path
) -> None:
    with own_redis(tmp_path / "redis") as redis:
        async with capped(mongodb_uri, redis.url, database_name, "test:forgetful") as service:
            client = Api(service.settings.public_url)
            world = World(client)
            person = await world.person()
            assert await statuses((world,), person, 3) == {201: 3}
            redis.forget()
            assert await statuses((world,), person, 10) == {201: 2, 422: 8}
            client.close()


async def test_without_redis_the_app_is_held_to_what_the_store_counts(
    mongodb_uri: str, redis_url: str, database_name: str, tmp_path: Path
) -> None:
    with own_redis(tmp_path / "redis") as redis:
        async with running(
            mongodb_uri,
            redis.url,
            database_name,
            SNB_INSTANCE="test:alone",
            SNB_DAILY_CAPS=json.dumps(CAPS),
            SNB_QUEUE_REDIS_URL=redis_url,
        ) as service:
            client = Api(service.settings.public_url)
            world = World(client)
            person = await world.person()
            assert await statuses((world,), person, 2) == {201: 2}
            redis.stop()
            assert await statuses((world,), person, 10) == {201: 3, 422: 7}
            redis.start()
            assert await statuses((world,), person, 2) == {422: 2}
            client.close()


async def test_off_is_without_end(mongodb_uri: str, redis_url: str, database_name: str) -> None:
    async with running(
        mongodb_uri, redis_url, database_name, SNB_INSTANCE="test:off", SNB_DAILY_CAPS="off"
    ) as service:
        client = Api(service.settings.public_url)
        world = World(client)
        person = await world.person()
        assert await statuses((world,), person, 60) == {201: 60}
        client.close()
