"""How long a socket may stay open, and how it may stay longer."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

import pytest

from actors.connection import CloseCode
from server.socket_limits import SocketLimits
from tests.server.admission import refused, success
from tests.support.api import token
from tests.support.service import running
from tests.support.sockets import Socket
from tests.support.world import Person


@pytest.fixture(scope="module")
async def hasty_url(mongodb_uri: str, redis_url: str, database_name: str) -> AsyncIterator[str]:
    """Run a process that waits a moment only for an authentication."""
    limits = SocketLimits(authenticate_within_s=0.3)
    variables = {"SNB_INSTANCE": "test:hasty"}
    async with running(mongodb_uri, redis_url, database_name, limits, **variables) as service:
        yield service.settings.public_url


async def test_a_socket_is_closed_when_its_token_expires(base_url: str) -> None:
    bearer = token(exp=int(time.time()) + 2)
    socket = await Socket.authenticated(base_url, bearer)
    assert await socket.closed() == CloseCode.UNAUTHORIZED


async def test_a_fresh_token_keeps_the_socket_open_past_the_first_ones_expiry(
    base_url: str, person: Person
) -> None:
    expires_at_s = int(time.time()) + 2
    socket = await Socket.authenticated(base_url, token(person.id, exp=expires_at_s))
    await socket.send(type="authenticate", token=person.token, ref=1)
    assert await socket.next() == success(person, ref=1)
    other = await Socket.authenticated(base_url, token(exp=expires_at_s))
    assert await other.closed() == CloseCode.UNAUTHORIZED
    await socket.nothing_more()
    socket.close()


async def test_a_token_that_expires_sooner_takes_the_place_of_one_that_lasts(
    base_url: str, person: Person
) -> None:
    socket = await Socket.authenticated(base_url, person.token)
    await socket.send(type="authenticate", token=token(person.id, exp=int(time.time()) + 2))
    await socket.expect("authentication_success")
    assert await socket.closed() == CloseCode.UNAUTHORIZED


async def test_a_bad_fresh_token_ends_the_connection(base_url: str, person: Person) -> None:
    socket = await Socket.authenticated(base_url, person.token)
    await socket.send(type="authenticate", token="garbage", ref="again")
    assert await refused(socket, CloseCode.UNAUTHORIZED, ref="again") == "UNAUTHORIZED"


async def test_somebody_elses_fresh_token_is_4403(base_url: str, person: Person) -> None:
    socket = await Socket.authenticated(base_url, person.token)
    await socket.send(type="authenticate", token=token())
    assert await refused(socket, CloseCode.PERMISSION_DENIED) == "PERMISSION_DENIED"


async def test_one_cannot_become_a_service_on_the_way(base_url: str, person: Person) -> None:
    socket = await Socket.authenticated(base_url, person.token)
    await socket.send(type="authenticate", token=token(person.id, "service"))
    assert await refused(socket, CloseCode.PERMISSION_DENIED) == "PERMISSION_DENIED"


async def test_a_token_that_never_expires_in_practice_is_taken(
    base_url: str, person: Person
) -> None:
    lasting = token(person.id, exp=10**15)
    socket = await Socket.authenticated(base_url, lasting)
    await socket.nothing_more()
    socket.close()


async def test_who_does_not_authenticate_in_time_is_4408(hasty_url: str) -> None:
    assert SocketLimits().authenticate_within_s == 10.0
    socket = await Socket.open(hasty_url)
    assert await socket.closed() == CloseCode.AUTHENTICATION_TIMEOUT


async def test_who_authenticated_is_not_closed_for_being_silent_then(
    hasty_url: str, person: Person
) -> None:
    socket = await Socket.authenticated(hasty_url, person.token)
    witness = await Socket.open(hasty_url)
    assert await witness.closed() == CloseCode.AUTHENTICATION_TIMEOUT
    await socket.nothing_more()
    socket.close()


async def test_who_is_in_by_the_header_has_nothing_more_to_do(
    hasty_url: str, person: Person
) -> None:
    socket = await Socket.open(hasty_url, headers={"Authorization": f"Bearer {person.token}"})
    assert await socket.next() == success(person)
    witness = await Socket.open(hasty_url)
    assert await witness.closed() == CloseCode.AUTHENTICATION_TIMEOUT
    await socket.nothing_more()
    socket.close()
