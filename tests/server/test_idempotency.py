"""A retry under one `Idempotency-Key` gets the first answer (contract section 2.1)."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from tornado.httputil import HTTPServerRequest, RequestStartLine

from rules.ids import idempotency_key_id
from rules.lease import Lease
from server.idempotency import fingerprint_of
from server.service import Service
from tests.server.wire import Wire
from tests.support.api import PLATFORM, Api
from tests.support.world import EVENTS, NOTIFICATIONS, Person, World, direct_send, event, user


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
    send_at = (datetime.now(UTC) + timedelta(seconds=2)).isoformat()
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
    soon = service.clock.store_now() + timedelta(seconds=2)
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
