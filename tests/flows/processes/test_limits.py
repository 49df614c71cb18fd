"""A limit is one limit, at however many server processes its caller asks."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence
from typing import Any
from uuid import uuid4

import pytest

from actors.connection import CloseCode
from tests.flows.processes.conftest import Scene
from tests.server.frames import CLOSE, Frame, FrameSocket
from tests.support.api import Answer, Api, token
from tests.support.processes import ServerProcess
from tests.support.sockets import Socket
from tests.support.world import EVENTS, Person, Shop, event, eventually

A_MINUTE = 9
ANONYMOUS = 6
DAILY_CAP = 5
FOLLOWS = 100
CONNECTIONS = 10

DEVICES = "/api/devices/"
UPDATES = "/api/business-updates/"
CAMPAIGNS = "/api/campaigns/"


@pytest.fixture(scope="module")
def variables() -> dict[str, str]:
    limits = {
        "customer_per_minute": A_MINUTE,
        "ngo_per_minute": 10 * FOLLOWS,
        "anonymous_per_hour": ANONYMOUS,
    }
    return {
        "SNB_RATE_LIMITS": json.dumps(limits),
        "SNB_DAILY_CAPS": json.dumps({"customer": {"in_app": DAILY_CAP}}),
        "SNB_TRUSTED_PROXIES": "127.0.0.1",
    }


def statuses(answers: Sequence[Answer]) -> dict[int, int]:
    """Return status -> how often."""
    found = sorted(answer.status for answer in answers)
    return {status: found.count(status) for status in found}


async def test_requests_of_a_minute(anywhere: Iterator[Api]) -> None:
    bearer = token()
    for remaining in reversed(range(A_MINUTE)):
        answer = await next(anywhere).get(DEVICES, bearer)
        assert (answer.status, answer.headers["RateLimit-Remaining"]) == (200, str(remaining))
    for _ in range(3):
        assert (await next(anywhere).get(DEVICES, bearer)).status == 429


async def test_requests_of_a_minute_that_come_at_once(anywhere: Iterator[Api]) -> None:
    bearer = token()
    asked = (next(anywhere).get(DEVICES, bearer) for _ in range(3 * A_MINUTE))
    assert statuses(await asyncio.gather(*asked)) == {200: A_MINUTE, 429: 2 * A_MINUTE}


async def test_requests_of_nobody_known(anywhere: Iterator[Api]) -> None:
    address = {"X-Forwarded-For": "203.0.113.7"}
    asked = (next(anywhere).get(DEVICES, headers=address) for _ in range(3 * ANONYMOUS))
    assert statuses(await asyncio.gather(*asked)) == {401: ANONYMOUS, 429: 2 * ANONYMOUS}


async def test_failed_authentications_of_an_address(processes: list[ServerProcess]) -> None:
    headers = {"X-Forwarded-For": "203.0.113.8"}
    for number in range(ANONYMOUS):
        socket = await Socket.open(processes[number % 3].base_url, headers=headers)
        await socket.send(type="authenticate", token="garbage")
        await socket.expect("authentication_failed")
        assert await socket.closed() == CloseCode.UNAUTHORIZED
    for process in processes:
        with pytest.raises(Exception, match="429"):
            await Socket.open(process.base_url, headers=headers)


async def test_notifications_of_a_day(scene: Scene, anywhere: Iterator[Api]) -> None:
    person = await scene.world.person()

    async def send() -> Answer:
        scene.world.api = next(anywhere)
        return await scene.world.send(person)

    answers = await asyncio.gather(*(send() for _ in range(3 * DAILY_CAP)))
    assert statuses(answers) == {201: DAILY_CAP, 422: 2 * DAILY_CAP}
    assert (await scene.world.inbox(person))["count"] == DAILY_CAP


async def test_updates_of_a_business(scene: Scene, anywhere: Iterator[Api]) -> None:
    shop = await scene.world.shop()

    def posted(number: int) -> Any:
        news = {"title": f"News {number}", "message": "There is some."}
        return next(anywhere).post(UPDATES, shop.owner.token, news)

    answers = await asyncio.gather(*(posted(number) for number in range(12)))
    assert statuses(answers) == {202: 5, 429: 7}


async def test_campaigns_of_an_hour(anywhere: Iterator[Api]) -> None:
    bearer = token(user_type="admin")
    draft = {
        "name": "Winter",
        "title": "Soup",
        "message": "There is soup.",
        "notification_type": "system_announcement",
        "channels": ["in_app"],
        "audience": {"user_types": ["ngo"]},
        "draft": True,
    }
    asked = (next(anywhere).post(CAMPAIGNS, bearer, draft) for _ in range(9))
    assert statuses(await asyncio.gather(*asked)) == {201: 5, 429: 4}


async def test_follows_of_a_user(scene: Scene, anywhere: Iterator[Api]) -> None:
    owner, person = await scene.world.person("provider"), await scene.world.person("ngo")
    shops = [Shop(uuid4(), owner) for _ in range(FOLLOWS + 8)]
    created = [
        event(
            "business.created",
            {"id": str(shop.id), "owner_id": str(owner.id), "name": f"Shop {number}"},
        )
        for number, shop in enumerate(shops)
    ]
    await scene.world.api.post(EVENTS, scene.world.platform, {"events": created})

    def followed(shop: Shop) -> Any:
        body = {"business_id": str(shop.id)}
        return next(anywhere).post("/api/follow/", person.token, body)

    # One that is known tells that all are: the batch is applied as one.
    async def is_known() -> bool:
        answer: Answer = await followed(shops[0])
        return answer.status != 404

    await eventually(is_known)
    answers = await asyncio.gather(*(followed(shop) for shop in shops[1:]))
    assert statuses(answers) == {201: FOLLOWS - 1, 422: 8}
    following = await scene.world.api.get("/api/following/", person.token)
    assert following.body["count"] == FOLLOWS


async def test_of_eleven_connections_the_oldest_goes(processes: list[ServerProcess]) -> None:
    person = Person(uuid4(), "")
    bearer = token(person.id)
    opened = [
        await FrameSocket.open(processes[number % 3].base_url, bearer)
        for number in range(CONNECTIONS)
    ]
    for socket in opened:
        await _is_there(socket)
    newest = await FrameSocket.open(processes[1].base_url, bearer)
    gone = await opened[0].next()
    assert gone.close_code == CloseCode.TOO_MANY_CONNECTIONS
    opened[0].drop()
    for socket in (*opened[1:], newest):
        await _is_there(socket)
        socket.drop()


async def test_of_connections_that_come_at_once_ten_stay(processes: list[ServerProcess]) -> None:
    bearer = token()
    opened = await asyncio.gather(
        *(FrameSocket.open(processes[number % 3].base_url, bearer) for number in range(24))
    )
    closed = {socket: asyncio.create_task(_closed(socket)) for socket in opened}

    async def have_gone() -> bool:
        return sum(task.done() for task in closed.values()) == 24 - CONNECTIONS

    await eventually(have_gone)
    staying = [socket for socket, task in closed.items() if not task.done()]
    for socket in opened:
        if socket not in staying:
            assert closed[socket].result() == CloseCode.TOO_MANY_CONNECTIONS
    for socket in staying:
        closed[socket].cancel()
    await asyncio.wait(closed.values())
    for socket in staying:
        await _is_there(socket)
    for socket in opened:
        socket.drop()


async def _is_there(socket: FrameSocket) -> None:
    socket.say(type="ping", ref="here")
    assert (await socket.next()).body == {"type": "pong", "ref": "here"}


async def _closed(socket: FrameSocket) -> int:
    """Return the code with which it is closed, whenever that is."""
    while True:
        frame: Frame = await socket._read()
        if frame.opcode == CLOSE:
            return frame.close_code
