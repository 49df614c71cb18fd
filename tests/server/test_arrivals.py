"""Who is let in, and who is sent away for a while."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import pytest
from tornado.httpclient import HTTPClientError

from actors.connection import CloseCode
from actors.tally import Tally
from server.arrivals import BACK_FROM_S, BACK_TO_S, Arrivals, Crowded
from server.service import Service
from server.transport import RECONNECT_MS
from tests.server.frames import FrameSocket
from tests.server.test_handshake import GET, lines
from tests.server.wire import Wire
from tests.support.service import running
from tests.support.sockets import Socket
from tests.support.world import Person


def arrivals(*, here: int = 0, most_here: int = 10, most_waiting: int = 2) -> Arrivals:
    return Arrivals(Tally(), lambda: here, most_here=most_here, most_waiting=most_waiting)


def test_as_many_wait_as_may() -> None:
    door = arrivals()
    with door.waiting():
        door.admit()
        with door.waiting():
            assert len(door) == 2
            with pytest.raises(Crowded):
                door.admit()
            with pytest.raises(Crowded), door.waiting():
                pass
        door.admit()
    assert len(door) == 0


def test_who_failed_waits_no_longer() -> None:
    door = arrivals()
    with pytest.raises(RuntimeError), door.waiting():
        raise RuntimeError
    assert len(door) == 0


def test_no_more_are_here_than_may_be() -> None:
    arrivals(here=9).admit()
    with pytest.raises(Crowded):
        arrivals(here=10).admit()


def test_those_who_are_sent_away_come_back_at_different_times() -> None:
    door, delays_s = arrivals(most_waiting=0), set()
    for _ in range(400):
        with pytest.raises(Crowded) as refused:
            door.admit()
        delays_s.add(refused.value.retry_after_s)
    assert delays_s == set(range(BACK_FROM_S, BACK_TO_S + 1))


@pytest.fixture
def crowd(service: Service) -> Iterator[ExitStack]:
    """Return what, once it is entered by as many as there may be, has everybody else refused."""
    with ExitStack() as waiting:
        yield waiting


def fill(service: Service, crowd: ExitStack) -> None:
    """Have as many wait as may."""
    with suppress(Crowded):
        while True:
            crowd.enter_context(service.arrivals.waiting())


async def test_a_handshake_too_many_is_503_with_when_to_come_back(
    service: Service, crowd: ExitStack, wire: Wire
) -> None:
    fill(service, crowd)
    refused = service.tally.sockets_refused
    await wire.send(GET, *lines())
    answer = await wire.answer()
    assert (answer.status, answer.error["code"]) == (503, "UNAVAILABLE")
    assert BACK_FROM_S <= int(answer.headers["Retry-After"]) <= BACK_TO_S
    assert service.tally.sockets_refused == refused + 1
    assert len(service.hub) == 0


async def test_who_has_passed_the_handshake_is_sent_away_with_1013(
    service: Service, crowd: ExitStack, person: Person
) -> None:
    socket = await FrameSocket.open(service.settings.public_url)
    fill(service, crowd)
    socket.say(type="authenticate", token=person.token)
    failed = (await socket.next()).body
    assert (failed["type"], failed["error"]["code"]) == ("authentication_failed", "UNAVAILABLE")
    close = await socket.next()
    assert close.close_code == CloseCode.TRY_AGAIN_LATER
    from_ms, to_ms = RECONNECT_MS[CloseCode.TRY_AGAIN_LATER]
    assert from_ms <= json.loads(close.close_reason)["reconnect_after_ms"] <= to_ms
    await socket.answer_close(close)
    assert service.directory.find(person.id) is None
    crowd.close()
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
