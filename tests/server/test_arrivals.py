"""Who is let in, and who is sent away for a while."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from tornado.httpclient import HTTPClientError

from actors.connection import CloseCode
from actors.tally import Tally
from server.arrivals import BACK_FROM_S, BACK_TO_S, MOST_WAITING, Arrivals, Crowded
from server.service import Service
from server.transport import RECONNECT_MS
from tests.server.frames import FrameSocket
from tests.server.test_handshake import GET, lines
from tests.server.wire import Wire
from tests.support.service import running
from tests.support.sockets import WITHIN_S, Socket
from tests.support.world import Person


def arrivals(*, here: int = 0, **numbers: Any) -> Arrivals:
    return Arrivals(Tally(), lambda: here, **{"most_here": 10, "most_waiting": 2, **numbers})


async def test_as_many_wait_as_may() -> None:
    door = arrivals()
    async with door.turn(uuid4()):
        door.admit()
        async with door.turn(uuid4()):
            assert len(door) == 2
            with pytest.raises(Crowded):
                door.admit()
            with pytest.raises(Crowded):
                async with door.turn(uuid4()):
                    pass
        door.admit()
    assert len(door) == 0


async def test_who_failed_waits_no_longer() -> None:
    door = arrivals()
    with pytest.raises(RuntimeError):
        async with door.turn(uuid4()):
            raise RuntimeError
    assert len(door) == 0


async def test_a_few_are_let_in_at_once_and_the_others_in_their_order() -> None:
    door, let_in = arrivals(most_waiting=9, at_once=1), []

    async def come(number: int) -> None:
        async with door.turn(uuid4()):
            let_in.append(number)
            await asyncio.sleep(0)
            assert let_in[-1] == number

    await asyncio.gather(*map(come, range(9)))
    assert let_in == list(range(9))


async def test_whose_turn_does_not_come_in_time_is_sent_away() -> None:
    door = arrivals(at_once=1, turn_within_s=0.01)
    async with door.turn(uuid4()):
        with pytest.raises(Crowded):
            async with door.turn(uuid4()):
                pass
        assert len(door) == 1
    async with door.turn(uuid4()):
        assert len(door) == 1


async def test_nobody_waits_for_all_that_one_user_opens() -> None:
    door, let_in, one = arrivals(most_waiting=9, at_once=2), [], uuid4()
    is_busy = asyncio.Event()

    async def come(name: str, user_id: UUID) -> None:
        async with door.turn(user_id):
            let_in.append(name)
            if user_id == one:
                await is_busy.wait()

    ones = [asyncio.create_task(come(f"one's {number}", one)) for number in range(4)]
    await asyncio.sleep(0)
    async with asyncio.timeout(WITHIN_S):
        await come("another's", uuid4())
        assert let_in == ["one's 0", "another's"]
        is_busy.set()
        await asyncio.gather(*ones)
    assert let_in[2:] == [f"one's {number}" for number in range(1, 4)]
    assert len(door) == 0


async def test_no_more_are_here_than_may_be() -> None:
    arrivals(here=9).admit()
    with pytest.raises(Crowded):
        arrivals(here=10).admit()


async def test_those_who_are_sent_away_come_back_at_different_times() -> None:
    door, delays_s = arrivals(most_waiting=0), set()
    for _ in range(400):
        with pytest.raises(Crowded) as refused:
            door.admit()
        delays_s.add(refused.value.retry_after_s)
    assert delays_s == set(range(BACK_FROM_S, BACK_TO_S + 1))


class Crowd:
    """As many who wait as may, until they go."""

    def __init__(self, arrivals: Arrivals) -> None:
        self._arrivals = arrivals
        self._may_go = asyncio.Event()
        self._waiting: list[asyncio.Task[None]] = []

    async def gather(self) -> None:
        """Wait, so that everybody else is refused."""
        self._waiting = [asyncio.create_task(self._wait()) for _ in range(MOST_WAITING)]
        await asyncio.sleep(0)
        assert len(self._arrivals) == MOST_WAITING

    async def go(self) -> None:
        """Wait no longer."""
        self._may_go.set()
        await asyncio.gather(*self._waiting)

    async def _wait(self) -> None:
        async with self._arrivals.turn(uuid4()):
            await self._may_go.wait()


@pytest.fixture
async def crowd(service: Service) -> AsyncIterator[Crowd]:
    """Have a crowd that may gather."""
    made = Crowd(service.arrivals)
    yield made
    await made.go()


async def test_a_handshake_too_many_is_503_with_when_to_come_back(
    service: Service, crowd: Crowd, wire: Wire
) -> None:
    await crowd.gather()
    refused = service.tally.sockets_refused
    await wire.send(GET, *lines())
    answer = await wire.answer()
    assert (answer.status, answer.error["code"]) == (503, "UNAVAILABLE")
    assert BACK_FROM_S <= int(answer.headers["Retry-After"]) <= BACK_TO_S
    assert service.tally.sockets_refused == refused + 1
    assert len(service.hub) == 0


async def test_who_has_passed_the_handshake_is_sent_away_with_1013(
    service: Service, crowd: Crowd, person: Person
) -> None:
    socket = await FrameSocket.open(service.settings.public_url)
    await crowd.gather()
    socket.say(type="authenticate", token=person.token)
    failed = (await socket.next()).body
    assert (failed["type"], failed["error"]["code"]) == ("authentication_failed", "UNAVAILABLE")
    close = await socket.next()
    assert close.close_code == CloseCode.TRY_AGAIN_LATER
    from_ms, to_ms = RECONNECT_MS[CloseCode.TRY_AGAIN_LATER]
    assert from_ms <= json.loads(close.close_reason)["reconnect_after_ms"] <= to_ms
    await socket.answer_close(close)
    assert service.directory.find(person.id) is None
    await crowd.go()
    assert len(service.arrivals) == 0
    again = await Socket.authenticated(service.settings.public_url, person.token)
    await again.ponged()
    again.close()


async def test_more_sockets_than_the_setting_allows_are_refused(
    mongodb_uri: str, redis_url: str, database_name: str, person: Person
) -> None:
    variables = {"SNB_INSTANCE": "test:small", "SNB_SOCKETS": "1"}
    async with running(mongodb_uri, redis_url, database_name, **variables) as service:
        url = service.settings.public_url
        only = await Socket.authenticated(url, person.token)
        with pytest.raises(HTTPClientError) as refused:
            await Socket.open(url)
        assert refused.value.code == 503
        await only.ponged()
        only.close()
