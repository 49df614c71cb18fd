from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from structlog.testing import capture_logs

from storage.client import StoreRefused, StoreUnavailable
from storage.jobs import JobRow
from storage.positions import PositionClock
from storage.stores import Stores
from tasks.rounds import Done, Job, Rounds
from tests.support.world import eventually

AN_HOUR = timedelta(hours=1)
DAWN = datetime(2026, 11, 23, 5, tzinfo=UTC)


@pytest.fixture
def rounds(stores: Stores, clock: PositionClock) -> Rounds:
    return Rounds(stores.jobs, clock)


def a_job(
    work: Callable[[datetime], Awaitable[Any]], *, every: timedelta = AN_HOUR, **fields: Any
) -> Job:
    return Job(name=f"job-{uuid4()}", every=every, work=work, **fields)


async def nothing(_as_of: datetime) -> None:
    pass


async def never(_as_of: datetime) -> None:
    raise AssertionError("it was not ours")


async def row_of(stores: Stores, job: Job) -> JobRow:
    (row,) = [row for row in await stores.jobs.all() if row.name == job.name]
    return row


async def test_a_job_is_done_again_and_again_until_it_is_stopped(rounds: Rounds) -> None:
    done: list[datetime] = []

    async def count(as_of: datetime) -> None:
        done.append(as_of)

    going = asyncio.create_task(rounds.go(a_job(count, every=timedelta(milliseconds=5))))

    async def enough() -> bool:
        return len(done) >= 3

    await eventually(enough)
    going.cancel()
    await asyncio.wait([going])
    assert going.cancelled()
    assert done == sorted(done)


async def test_of_several_processes_one_does_the_job(stores: Stores, rounds: Rounds) -> None:
    done = 0

    async def count(_as_of: datetime) -> None:
        nonlocal done
        done += 1

    job = a_job(count)
    await asyncio.gather(*(rounds.look(job) for _ in range(5)))
    assert done == 1, "the first time ever"
    await rounds.look(job)
    assert done == 1, "it is not due yet"
    assert (await row_of(stores, job)).runs == 1


async def test_of_several_processes_one_does_what_is_due_again(
    stores: Stores, clock: PositionClock
) -> None:
    job, now = a_job(nothing), clock.store_now()
    assert await stores.jobs.begin(job.name, at=now - AN_HOUR, again_at=now)
    begun = await asyncio.gather(
        *(stores.jobs.begin(job.name, at=now, again_at=now + AN_HOUR) for _ in range(5))
    )
    assert sorted(begun) == [False] * 4 + [True]


async def test_what_was_begun_by_somebody_who_died_is_due_again_at_its_time(
    stores: Stores, rounds: Rounds, clock: PositionClock
) -> None:
    now = clock.store_now()
    job = a_job(never)
    await stores.jobs.begin(job.name, at=now, again_at=now + AN_HOUR)
    await rounds.look(job)
    assert (await row_of(stores, job)).runs == 0
    assert await stores.jobs.begin(job.name, at=now + AN_HOUR, again_at=now + 2 * AN_HOUR)


async def test_how_it_went_is_kept(stores: Stores, rounds: Rounds, clock: PositionClock) -> None:
    async def work(_as_of: datetime) -> Done:
        return Done(3, "rows removed")

    job, before = a_job(work), clock.store_now()
    await rounds.look(job)
    row = await row_of(stores, job)
    assert (row.said, row.error, row.runs, row.failures) == ("3 rows removed", None, 1, 0)
    assert row.ended_at is not None
    assert before - timedelta(milliseconds=1) <= row.ended_at <= clock.store_now()
    assert 0 < row.duration_s < 10


@pytest.mark.parametrize(
    ("done", "said"), [(None, []), (Done(0, "x"), []), (Done(7, "x"), ["7 x"])]
)
async def test_what_was_done_is_logged_when_it_was_anything(
    rounds: Rounds, done: Done | None, said: list[str]
) -> None:
    async def answer(_as_of: datetime) -> Done | None:
        return done

    with capture_logs() as logs:
        await rounds.look(a_job(answer))
    assert [line["done"] for line in logs if line["event"] == "job_done"] == said


@pytest.mark.parametrize(
    ("error", "event"),
    [
        (StoreUnavailable("away"), "job_put_off"),
        (StoreRefused("no", 1), "job_put_off"),
        (KeyError("a fault of ours"), "job_failed"),
    ],
)
async def test_what_fails_is_kept_on_record_and_soon_due_again(
    stores: Stores, rounds: Rounds, clock: PositionClock, error: Exception, event: str
) -> None:
    async def fail(_as_of: datetime) -> None:
        raise error

    job = a_job(fail)
    with capture_logs() as logs:
        await rounds.look(job)
    assert [line["event"] for line in logs] == [event]
    row = await row_of(stores, job)
    assert (row.error, row.runs, row.failures) == (type(error).__name__, 1, 1)
    in_a_minute = clock.store_now() + timedelta(seconds=61)
    assert await stores.jobs.begin(job.name, at=in_a_minute, again_at=in_a_minute)


async def test_a_success_after_a_failure_says_so(stores: Stores, rounds: Rounds) -> None:
    errors = [StoreUnavailable("away")]

    async def fail_once(_as_of: datetime) -> Done:
        if errors:
            raise errors.pop()
        return Done(1, "done")

    job = a_job(fail_once)
    with pytest.raises(StoreUnavailable):
        await rounds.carry_out(job, DAWN)
    await rounds.carry_out(job, DAWN)
    row = await row_of(stores, job)
    assert (row.said, row.error, row.runs, row.failures) == ("1 done", None, 2, 1)


async def test_a_run_that_takes_too_long_is_cut(stores: Stores, rounds: Rounds) -> None:
    async def hang(_as_of: datetime) -> None:
        await asyncio.Event().wait()

    job = a_job(hang, deadline=timedelta(milliseconds=10))
    with capture_logs() as logs:
        await rounds.look(job)
    assert [line["error"] for line in logs] == ["TimeoutError"]
    assert (await row_of(stores, job)).error == "TimeoutError"


async def test_by_hand_it_is_done_as_of_a_time_whoever_is_to_do_it_next(
    stores: Stores, rounds: Rounds, clock: PositionClock
) -> None:
    asked: list[datetime] = []

    async def note(as_of: datetime) -> None:
        asked.append(as_of)

    job, now = a_job(note), clock.store_now()
    assert await stores.jobs.begin(job.name, at=now, again_at=now + AN_HOUR)
    await rounds.carry_out(job, DAWN)
    assert asked == [DAWN]
    assert not await stores.jobs.begin(job.name, at=now, again_at=now + AN_HOUR)
