"""How long a socket may stay open, and how it may stay longer."""

from __future__ import annotations

import time

import pytest

from actors.connection import CloseCode
from server import websocket
from tests.server.admission import refused, success
from tests.support.api import token
from tests.support.sockets import Socket
from tests.support.world import Person


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


async def test_who_does_not_authenticate_in_time_is_4408(
    base_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert websocket.AUTHENTICATE_WITHIN_S == 10.0
    monkeypatch.setattr(websocket, "AUTHENTICATE_WITHIN_S", 0.1)
    socket = await Socket.open(base_url)
    assert await socket.closed() == CloseCode.AUTHENTICATION_TIMEOUT


async def test_who_authenticated_is_not_closed_for_being_silent_then(
    base_url: str, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(websocket, "AUTHENTICATE_WITHIN_S", 0.3)
    socket = await Socket.authenticated(base_url, person.token)
    witness = await Socket.open(base_url)
    assert await witness.closed() == CloseCode.AUTHENTICATION_TIMEOUT
    await socket.nothing_more()
    socket.close()
