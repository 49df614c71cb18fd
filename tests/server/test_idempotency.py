"""A retry under one `Idempotency-Key` gets the first answer (contract section 2.1)."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from tornado.httputil import HTTPServerRequest, RequestStartLine

from rules.ids import idempotency_key_id
from rules.lease import Lease
from server.errors import ValidationFailed
from server.idempotency import IdempotentRequests, RequestKey, fingerprint_of
from server.service import Service
from storage.client import StoreUnavailable
from storage.idempotency_keys import HELD_FOR, Attempt, IdempotencyKeys, KeptAnswer, KeyInUse
from storage.positions import PositionClock
from tests.server.wire import Wire
from tests.support.api import PLATFORM, Api
from tests.support.world import EVENTS, NOTIFICATIONS, Person, World, direct_send, event, user

A_KEY = RequestKey("k", "f")


def a_key() -> str:
    return uuid4().hex


async def count(world: World, person: Person) -> int:
    listed: int = (await world.inbox(person))["count"]
    return listed


async def test_a_retry_gets_the_first_answer_and_sends_nothing(world: World) -> None:
    person, key = await world.person(), a_key()
    first = await world.send(person, key=key)
    await world.api.post(f"{NOTIFICATIONS}mark-all-read/", person.token)
    again = await world.send(person, key=key)
    assert (first.status, again.status) == (201, 201)
    assert again.body == first.body
    assert await count(world, person) == 1


async def test_the_same_json_written_otherwise_is_the_same_request(world: World) -> None:
    person, key = await world.person(), a_key()
    first = await world.send(person, key=key, data={"a": 1, "b": 2})
    body = direct_send(person.id, data={"b": 2, "a": 1})
    again = await world.api.request(
        "POST",
        NOTIFICATIONS[:-1],
        world.platform,
        raw=json.dumps(dict(reversed(body.items())), indent=2).encode(),
        headers={"Idempotency-Key": key},
    )
    assert again.body == first.body
    assert await count(world, person) == 1


async def test_another_body_under_the_key_is_422_and_not_sent(world: World) -> None:
    person, key = await world.person(), a_key()
    await world.send(person, key=key)
    answer = await world.send(person, key=key, title="Another")
    assert (answer.status, answer.error["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")
    assert await count(world, person) == 1


async def test_the_same_key_of_another_sender_is_another(world: World) -> None:
    person, admin, key = await world.person(), await world.person("admin"), a_key()
    answers = [await world.send(person, key=key, by=by) for by in (None, admin.token)]
    assert [answer.status for answer in answers] == [201, 201]
    assert await count(world, person) == 2


async def test_without_a_key_every_request_is_its_own(world: World) -> None:
    person = await world.person()
    for _ in range(2):
        await world.send(person)
    assert await count(world, person) == 2


async def test_of_20_at_once_one_sends(world: World) -> None:
    person, key = await world.person(), a_key()
    answers = await asyncio.gather(*(world.send(person, key=key) for _ in range(20)))
    sent = [answer for answer in answers if answer.status == 201]
    assert sent
    assert all(answer.body == sent[0].body for answer in sent)
    for answer in answers:
        if answer.status != 201:
            assert (answer.status, answer.error["code"]) == (409, "IDEMPOTENCY_IN_PROGRESS")
            assert answer.headers["Retry-After"] == "1"
    assert await count(world, person) == 1
    assert (await world.send(person, key=key)).body == sent[0].body


@pytest.mark.parametrize("key", ["x", "x" * 255, "a b/c:d~!"])
async def test_a_key_is_of_1_to_255_printable_characters(world: World, key: str) -> None:
    answer = await world.send(await world.person(), key=key)
    assert answer.status == 201


@pytest.mark.parametrize("key", ["", "x" * 256, "é", "a\tb"])
async def test_any_other_key_is_400_and_nothing_is_sent(world: World, key: str) -> None:
    person = await world.person()
    answer = await world.send(person, key=key)
    assert (answer.status, list(answer.error["details"])) == (400, ["Idempotency-Key"])
    assert await count(world, person) == 0


async def test_two_keys_are_400(world: World, wire: Wire) -> None:
    person = await world.person()
    body = json.dumps(direct_send(person.id)).encode()
    await wire.send(
        f"POST {NOTIFICATIONS} HTTP/1.1",
        f"Authorization: Bearer {world.platform}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        "Idempotency-Key: a",
        "Idempotency-Key: b",
        body=body,
    )
    answer = await wire.answer()
    assert answer.status == 400
    assert await count(world, person) == 0


async def test_a_request_that_was_refused_leaves_its_key_free(api: Api, world: World) -> None:
    key, stranger = a_key(), uuid4()
    assert (await world.send(stranger, key=key, title="")).status == 400
    assert (await world.send(stranger, key=key)).status == 404
    registered = event("user.registered", user(stranger))
    assert (await api.post(EVENTS, world.platform, registered)).status == 202
    assert (await world.send(stranger, key=key, title="Another")).status == 201


async def test_a_schedule_is_made_once_and_its_retry_answered_after_its_time_too(
    world: World,
) -> None:
    person, key = await world.person(), a_key()
    send_at = (datetime.now(UTC) + timedelta(seconds=0.3)).isoformat()
    first = await world.send(person, key=key, send_at=send_at)
    assert first.status == 202
    await world.told(person)
    again = await world.send(person, key=key, send_at=send_at)
    assert (again.status, again.body) == (202, first.body)
    assert await count(world, person) == 1


async def test_a_schedule_whose_first_try_was_killed_is_sent_when_its_time_is_over_by_now(
    world: World, service: Service
) -> None:
    person, witness, key = await world.person(), await world.person(), a_key()
    soon = service.clock.store_now() + timedelta(seconds=0.3)
    await world.send(witness, send_at=soon.isoformat())
    # The past has been looked through by then.
    await world.told(witness)
    begun_at = service.clock.store_now() - timedelta(minutes=5)
    send_at = (begun_at + timedelta(minutes=1)).isoformat()
    request = HTTPServerRequest(start_line=RequestStartLine("POST", NOTIFICATIONS, "HTTP/1.0"))
    fingerprint = fingerprint_of(request, direct_send(person.id, send_at=send_at))
    await service.stores.idempotency_keys.begin(
        idempotency_key_id(PLATFORM, key), fingerprint, Lease("dead", 1), now=begun_at
    )
    again = await world.send(person, key=key, send_at=send_at)
    assert again.status == 202
    await world.told(person)


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
