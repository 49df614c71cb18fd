"""How often a client may say something."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from actors.connection import CloseCode
from tests.server.admission import success
from tests.server.frames import PING, PONG, FrameSocket
from tests.server.socket_ends import ends
from tests.support.service import running
from tests.support.sockets import Socket
from tests.support.world import Person


@pytest.fixture(scope="module")
async def counting_url(mongodb_uri: str, redis_url: str, database_name: str) -> AsyncIterator[str]:
    """Run a process that counts messages, as it does where nothing is said of it."""
    variables = {"SNB_INSTANCE": "test:counting", "SNB_RATE_LIMITS": "{}"}
    async with running(mongodb_uri, redis_url, database_name, **variables) as started:
        yield started.settings.public_url


async def test_the_61st_message_of_a_minute_is_4429(
    counting_url: str, person: Person, logged: list[Any]
) -> None:
    """All count: the authentication, which is the first, and what is bad as well."""
    socket = await Socket.open(counting_url)
    await socket.send(type="authenticate", token=person.token)
    assert await socket.next() == success(person)
    await socket.send_text("nonsense")
    await socket.expect("error")
    for _ in range(58):
        await socket.ponged()
    await socket.send(type="ping")
    assert await socket.closed() == CloseCode.TOO_MANY_MESSAGES
    assert ends(logged, person) == [("socket_closed", 4429, None)]


async def test_each_connection_has_its_own_sixty(counting_url: str, person: Person) -> None:
    for _ in range(2):
        socket = await Socket.open(
            counting_url, headers={"Authorization": f"Bearer {person.token}"}
        )
        await socket.expect("authentication_success")
        for _ in range(60):
            await socket.ponged()
        socket.close()


async def test_control_frames_are_no_messages(counting_url: str, person: Person) -> None:
    socket = await FrameSocket.open(counting_url, person.token)
    for number in range(100):
        socket.send(PING, str(number).encode())
        assert (await socket.next()).opcode == PONG
        socket.send(PONG, b"")
    socket.say(type="ping")
    assert (await socket.next()).body == {"type": "pong"}
    socket.drop()


async def test_where_the_limit_is_off_there_is_none(base_url: str, person: Person) -> None:
    socket = await Socket.authenticated(base_url, person.token)
    for _ in range(150):
        await socket.ponged()
    socket.close()
