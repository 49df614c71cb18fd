"""Two server processes share what is sent under a key, and what is due."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from itertools import cycle
from uuid import uuid4

import pytest

from server.service import Service
from tests.support.api import Api
from tests.support.service import running
from tests.support.world import World, eventually

SOON = timedelta(seconds=6)
"""Longer than ten sends take on the busiest of machines."""
"""For ten requests to be in time on a machine that is busy; they are waited for."""


@pytest.fixture
async def other_world(
    mongodb_uri: str, redis_url: str, database_name: str, service: Service
) -> AsyncIterator[World]:
    """Reach a second process on the same stores."""
    async with running(mongodb_uri, redis_url, database_name, SNB_INSTANCE="test:second") as second:
        api = Api(second.settings.public_url)
        made = World(api)
        yield made
        made.close()
        api.close()


async def test_of_20_at_once_to_two_processes_one_sends(world: World, other_world: World) -> None:
    person, key = await world.person(), uuid4().hex
    worlds = cycle((world, other_world))
    answers = await asyncio.gather(*(next(worlds).send(person, key=key) for _ in range(20)))
    sent = [answer.body for answer in answers if answer.status == 201]
    assert sent
    assert all(body == sent[0] for body in sent)
    assert {answer.status for answer in answers} <= {201, 409}
    assert (await world.inbox(person))["count"] == 1


async def test_what_is_due_is_sent_once_by_whichever_process(
    world: World, other_world: World
) -> None:
    person = await world.person()
    at = (datetime.now(UTC) + SOON).isoformat()
    worlds = cycle((world, other_world))
    for n in range(10):
        answer = await next(worlds).send(person, title=f"No. {n}", send_at=at)
        assert answer.status == 202, answer.body
    await world.told(person, 10)


async def test_a_cancellation_and_the_time_of_a_schedule_do_not_both_win(
    world: World, other_world: World
) -> None:
    people = await world.people(10)
    at = datetime.now(UTC) + SOON
    ids = [
        (await world.send(person, send_at=at.isoformat())).body["schedule_id"] for person in people
    ]

    async def is_time() -> bool:
        return datetime.now(UTC) >= at

    async def cancelled(schedule_id: str) -> bool:
        await eventually(is_time)
        path = f"/api/notifications/scheduled/{schedule_id}/"
        answer = await other_world.api.delete(path, other_world.platform)
        assert answer.status in {200, 409}
        return answer.status == 200

    are_cancelled = await asyncio.gather(*(cancelled(schedule_id) for schedule_id in ids))
    for person, is_cancelled in zip(people, are_cancelled, strict=True):
        if not is_cancelled:
            await world.told(person)
    for person, is_cancelled in zip(people, are_cancelled, strict=True):
        assert (await world.inbox(person))["count"] == (0 if is_cancelled else 1)
