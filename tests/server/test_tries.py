"""What of the tries under one `Idempotency-Key` does the work, whoever dies."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from server.errors import ValidationFailed
from server.idempotency import IdempotentRequests, RequestKey
from server.service import Service
from storage.client import StoreUnavailable
from storage.idempotency_keys import HELD_FOR, Attempt, IdempotencyKeys, KeptAnswer, KeyInUse
from storage.positions import PositionClock

A_KEY = RequestKey("k", "f")


class Clock(PositionClock):
    """A clock that tests can move."""

    ahead = timedelta()

    def store_now(self) -> datetime:
        return super().store_now() + self.ahead


class Worker:
    """Does the work of one request, and knows under which ids it was asked to."""

    def __init__(self) -> None:
        self.asked: list[tuple[UUID, datetime]] = []
        self.failure: Exception | None = None
        self.has_begun = asyncio.Event()
        self.may_end = asyncio.Event()
        self.may_end.set()

    async def __call__(self, work_id: UUID, begun_at: datetime) -> KeptAnswer:
        self.asked.append((work_id, begun_at))
        self.has_begun.set()
        await self.may_end.wait()
        if self.failure is not None:
            raise self.failure
        return KeptAnswer(201, f'"{work_id}"')


class Place:
    """One place of a server process, whose incarnations begin as the test says."""

    def __init__(self, service: Service) -> None:
        self._stores = service.stores
        self._instance = f"here:{uuid4().hex}"
        self.clock = Clock()

    async def begin(self, keys: Any = None) -> IdempotentRequests:
        processes = self._stores.processes
        lease = await processes.register(self._instance, "server")
        return IdempotentRequests(
            keys or self._stores.idempotency_keys, processes, self.clock, lease
        )


@pytest.fixture
def place(service: Service) -> Place:
    return Place(service)


async def test_a_try_of_a_process_that_runs_is_waited_for(place: Place) -> None:
    requests, sender, worker = await place.begin(), uuid4(), Worker()
    worker.may_end.clear()
    first = asyncio.create_task(requests.once(sender, A_KEY, worker))
    await worker.has_begun.wait()
    with pytest.raises(KeyInUse):
        await requests.once(sender, A_KEY, worker)
    worker.may_end.set()
    answer = await first
    assert await requests.once(sender, A_KEY, worker) == answer
    assert len(worker.asked) == 1


async def held(requests: IdempotentRequests, sender: UUID) -> tuple[UUID, datetime]:
    """Begin a try that never ends, and return what it was asked."""
    worker = Worker()
    worker.may_end.clear()
    task = asyncio.create_task(requests.once(sender, A_KEY, worker))
    await worker.has_begun.wait()
    # Cut off like a killed process: no word to the store.
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return worker.asked[0]


async def test_a_try_whose_process_has_begun_anew_is_finished_at_once(place: Place) -> None:
    sender, worker = uuid4(), Worker()
    first = await held(await place.begin(), sender)
    answer = await (await place.begin()).once(sender, A_KEY, worker)
    assert answer == KeptAnswer(201, f'"{first[0]}"')
    assert worker.asked == [first]


async def test_of_two_that_would_finish_it_one_does(place: Place) -> None:
    sender, worker = uuid4(), Worker()
    await held(await place.begin(), sender)
    requests = await place.begin()
    answers = await asyncio.gather(
        *(requests.once(sender, A_KEY, worker) for _ in range(5)), return_exceptions=True
    )
    assert len(worker.asked) == 1
    made = [answer for answer in answers if not isinstance(answer, KeyInUse)]
    assert len(set(map(str, made))) == 1


async def test_a_try_of_a_process_that_went_silent_is_finished_after_a_while(
    place: Place,
) -> None:
    requests, sender, worker = await place.begin(), uuid4(), Worker()
    first = await held(requests, sender)
    with pytest.raises(KeyInUse):
        await requests.once(sender, A_KEY, worker)
    place.clock.ahead = HELD_FOR
    await requests.once(sender, A_KEY, worker)
    assert worker.asked == [first]


async def test_after_a_failure_of_ours_the_next_try_goes_on_at_once(place: Place) -> None:
    requests, sender, worker = await place.begin(), uuid4(), Worker()
    for failure in (StoreUnavailable("away"), ZeroDivisionError()):
        worker.failure = failure
        with pytest.raises(type(failure)):
            await requests.once(sender, A_KEY, worker)
    worker.failure = None
    await requests.once(sender, A_KEY, worker)
    assert worker.asked == [worker.asked[0]] * 3


async def test_after_a_refusal_the_next_try_begins_anew(place: Place) -> None:
    requests, sender, worker = await place.begin(), uuid4(), Worker()
    worker.failure = ValidationFailed({})
    with pytest.raises(ValidationFailed):
        await requests.once(sender, A_KEY, worker)
    worker.failure = None
    await requests.once(sender, RequestKey("k", "another"), worker)
    assert worker.asked[0][0] != worker.asked[1][0]


class Forgetful:
    """Keys whose store goes away before an answer is kept."""

    def __init__(self, keys: IdempotencyKeys) -> None:
        self._keys = keys

    def __getattr__(self, name: str) -> Any:
        return getattr(self._keys, name)

    async def keep(self, attempt: Attempt, answer: KeptAnswer) -> None:
        raise StoreUnavailable("away")


async def test_an_answer_that_could_not_be_kept_is_given_all_the_same(
    place: Place, service: Service
) -> None:
    forgetful = Forgetful(service.stores.idempotency_keys)
    sender, worker = uuid4(), Worker()
    answer = await (await place.begin(forgetful)).once(sender, A_KEY, worker)
    assert answer.status == 201
    # The next try finds the work done, since it is asked for the same.
    await (await place.begin()).once(sender, A_KEY, worker)
    assert worker.asked == [worker.asked[0]] * 2
