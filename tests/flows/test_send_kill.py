"""A server killed over a direct send or a schedule makes one notification of it all the same."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from tornado.httpclient import HTTPError

from tests.flows.rows import Rows
from tests.support.api import Answer, Api
from tests.support.crashing import ACCEPT, STEPS_OF_A_SCHEDULE, STEPS_OF_A_SEND
from tests.support.processes import ServerProcess
from tests.support.world import Person, World, eventually

KILLED = -9
SCHEDULED = "/api/notifications/scheduled/"


@pytest.fixture
async def world(mortal: ServerProcess) -> AsyncIterator[World]:
    api = Api(mortal.base_url)
    yield World(api)
    api.close()


async def somebody(world: World, rows: Rows) -> Person:
    """Register somebody who can be told by email at any hour."""
    person = await world.person()
    await world.prefer(person, quiet_hours={"enabled": False})
    await rows.settled()
    return person


@pytest.mark.timeout(seconds=300)
@pytest.mark.parametrize("step", STEPS_OF_A_SEND)
async def test_a_send_killed_half_way_is_finished_by_the_next_try_with_its_key(
    step: str, mortal: ServerProcess, world: World, rows: Rows
) -> None:
    await mortal.start_mortal()
    person, key = await somebody(world, rows), uuid4().hex
    mortal.crash(step)
    given: dict[str, Any] = {"key": key, "channels": ["in_app", "email"]}
    try:
        answer = await world.send(person, **given)
    except HTTPError:
        pass
    else:
        # What is stored is queued and finished beside its answer, which may be out first.
        assert (step in {"queue", "finish"}, answer.status) == (True, 201)
    assert await mortal.killed() == KILLED

    await mortal.start_mortal()
    answer = await world.send(person, **given)
    assert answer.status == 201, answer.body
    assert [row["id"] for row in await world.told(person)] == [answer.body["id"]]
    # What the try after the kill has finished is kept like any other.
    again = await world.send(person, **given)
    assert (again.status, again.body) == (201, answer.body)
    assert (await world.send(person, title="Another", **given)).status == 422


async def test_a_send_without_a_key_that_is_durable_is_carried_out_after_a_kill(
    mortal: ServerProcess, world: World, rows: Rows
) -> None:
    await mortal.start_mortal()
    person = await somebody(world, rows)
    mortal.crash(ACCEPT)
    with pytest.raises(HTTPError):
        await world.send(person)
    assert await mortal.killed() == KILLED
    await mortal.start_mortal()
    await world.told(person)


async def sent_once(world: World, person: Person, schedule_id: str) -> None:
    async def listed() -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = (await world.inbox(person))["results"]
        return rows

    # A claim of the killed process is left to others after ten seconds.
    assert len(await eventually(listed, within_s=120.0)) == 1

    async def status() -> bool:
        schedules = (await world.api.get(SCHEDULED, world.platform)).body["results"]
        (mine,) = [each for each in schedules if each["schedule_id"] == schedule_id]
        return bool(mine["status"] == "sent")

    await eventually(status)
    await world.send(person, title="The end")
    assert len(await world.told(person, 2)) == 2


async def plan(world: World, person: Person, key: str, at: datetime) -> Answer:
    return await world.send(person, key=key, send_at=at.isoformat())


@pytest.mark.timeout(seconds=300)
@pytest.mark.parametrize("step", STEPS_OF_A_SCHEDULE)
async def test_a_schedule_is_sent_once_though_the_process_was_killed_over_it(
    step: str, mortal: ServerProcess, world: World, rows: Rows
) -> None:
    await mortal.start_mortal()
    person, key = await somebody(world, rows), uuid4().hex
    mortal.crash(step)
    # The other steps come once it is due: only then may the answer to the first try be lost.
    at = datetime.now(UTC) + timedelta(seconds=0.5 if step == "plan" else 3.0)
    if step == "plan":
        with pytest.raises(HTTPError):
            await plan(world, person, key, at)
    else:
        assert (await plan(world, person, key, at)).status == 202
    assert await mortal.killed() == KILLED

    await mortal.start_mortal()
    # Its time has passed by now, and it was right when the first try began.
    answer = await plan(world, person, key, at)
    assert answer.status == 202, answer.body
    await sent_once(world, person, answer.body["schedule_id"])


async def test_a_schedule_whose_time_came_while_nothing_ran_is_sent_at_the_start(
    mortal: ServerProcess, world: World
) -> None:
    await mortal.start_mortal()
    person = await world.person()
    at = datetime.now(UTC) + timedelta(seconds=2)
    schedule_id = (await plan(world, person, uuid4().hex, at)).body["schedule_id"]
    mortal.kill()
    await mortal.start_mortal()
    await sent_once(world, person, schedule_id)
