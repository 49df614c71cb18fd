"""How many connections a user may have at once."""

from __future__ import annotations

import asyncio
from typing import Any

from actors.connection import CloseCode
from tests.server.frames import CLOSE, Frame, FrameSocket
from tests.server.socket_ends import ends
from tests.support.api import token
from tests.support.sockets import Socket
from tests.support.world import Person

CUSTOMER_CONNECTIONS = 10


async def test_of_eleven_connections_the_oldest_goes(
    base_url: str, person: Person, logged: list[Any]
) -> None:
    sockets = [
        await Socket.authenticated(base_url, person.token) for _ in range(CUSTOMER_CONNECTIONS)
    ]
    await sockets[0].nothing_more()
    newest = await Socket.authenticated(base_url, person.token)
    assert await sockets[0].closed() == CloseCode.TOO_MANY_CONNECTIONS
    for kept in (*sockets[1:], newest):
        await kept.nothing_more()
        kept.close()
    assert ends(logged, person) == [("socket_closed", 4409, None)]


async def test_of_many_that_come_at_once_ten_stay(base_url: str, person: Person) -> None:
    before = [await FrameSocket.open(base_url, person.token) for _ in range(5)]
    at_once = list(await asyncio.gather(*(FrameSocket.open(base_url) for _ in range(20))))
    for socket in at_once:
        socket.say(type="authenticate", token=person.token)
    settled = {socket: await socket.next() for socket in at_once}
    codes = [await _code_or_none(socket, settled.get(socket)) for socket in (*before, *at_once)]
    assert codes[:5] == [CloseCode.TOO_MANY_CONNECTIONS] * 5
    assert codes.count(CloseCode.TOO_MANY_CONNECTIONS) == 15
    assert codes.count(None) == CUSTOMER_CONNECTIONS


async def _code_or_none(socket: FrameSocket, frame: Frame | None) -> int | None:
    """Return the code with which a socket is closed, None when it stays open."""
    socket.say(type="ping", ref="still here")
    while frame is None or (frame.opcode != CLOSE and frame.body.get("ref") != "still here"):
        frame = await socket.next()
    socket.drop()
    return frame.close_code if frame.opcode == CLOSE else None


async def test_the_connections_of_others_do_not_count(base_url: str, person: Person) -> None:
    sockets = [await Socket.authenticated(base_url, person.token)]
    sockets += [await Socket.authenticated(base_url, token()) for _ in range(CUSTOMER_CONNECTIONS)]
    await sockets[0].nothing_more()
    for socket in sockets:
        socket.close()


async def test_a_connection_that_is_gone_or_going_does_not_count(
    base_url: str, person: Person
) -> None:
    oldest = await Socket.authenticated(base_url, person.token)
    others = [await Socket.authenticated(base_url, person.token) for _ in range(8)]
    expired = await FrameSocket.open(base_url, person.token)
    expired.say(type="authenticate", token="garbage")
    assert (await expired.next()).body["type"] == "authentication_failed"
    assert (await expired.next()).close_code == CloseCode.UNAUTHORIZED
    newest = await Socket.authenticated(base_url, person.token)
    for socket in (oldest, *others, newest):
        await socket.nothing_more()
        socket.close()
    expired.drop()
