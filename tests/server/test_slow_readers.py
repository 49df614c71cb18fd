"""What becomes of who does not read, or not fast enough. Times are passed in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import pytest

from actors.connection import CloseCode
from server.hub import STALLED
from server.service import Service
from server.socket_limits import SocketLimits
from server.transport import BUFFER_FULL, SEND_BUFFER_BYTES
from tests.server.frames import CLOSE, TEXT, FrameSocket, framed
from tests.server.inboxes import keep
from tests.server.socket_ends import connections_of, ends, has_let_go, is_over
from tests.support.service import running
from tests.support.sockets import Socket
from tests.support.world import Person, eventually


@pytest.fixture(scope="module")
async def patient(mongodb_uri: str, redis_url: str, database_name: str) -> AsyncIterator[Service]:
    """Run a process that gives a reader a minute to take what there is."""
    limits = SocketLimits(stalled_for_s=60.0, cut_after_s=60.0, messages_per_minute=None)
    variables = {"SNB_INSTANCE": "test:patient"}
    async with running(mongodb_uri, redis_url, database_name, limits, **variables) as started:
        yield started


async def full_inbox(service: Service, person: Person) -> None:
    """Have an inbox of which one answer to `sync` is about 50 KB."""
    await keep(service, person, *([{"data": {"text": "x" * 4_000}}] * 12))


async def test_a_reader_who_sleeps_is_stalled_and_gone_and_its_memory_is_free(
    hasty: Service, person: Person, logged: list[Any]
) -> None:
    await full_inbox(hasty, person)
    socket = await FrameSocket.open(hasty.settings.public_url, person.token)
    (server_side,) = connections_of(hasty, person)
    socket.stop_reading()

    async def is_stuck() -> bool:
        socket.say(type="sync", since=None)
        return server_side.kept_bytes() > 0

    await eventually(is_stuck)
    await eventually(partial(is_over, hasty, person))
    assert ends(logged, person) == [
        ("socket_closed", CloseCode.SLOW_READER, STALLED),
        ("socket_cut", None, STALLED),
    ]
    await has_let_go(server_side)
    assert hasty.directory.find(person.id) is None
    assert not hasty.hub._uneasy
    socket.read_on()
    await socket.ended()


async def test_what_is_written_to_a_sleeping_reader_is_bounded(
    hasty: Service, person: Person, logged: list[Any]
) -> None:
    await full_inbox(hasty, person)
    socket = await FrameSocket.open(hasty.settings.public_url, person.token)
    (server_side,) = connections_of(hasty, person)
    socket.stop_reading()
    socket.writer.write(framed(TEXT, b'{"type":"sync","since":null}') * 400)
    most = 0

    async def is_over_at_last() -> bool:
        nonlocal most
        most = max(most, server_side.kept_bytes())
        return await is_over(hasty, person)

    await eventually(is_over_at_last)
    (closed, cut) = ends(logged, person)
    assert closed == ("socket_closed", CloseCode.SLOW_READER, BUFFER_FULL)
    assert cut == ("socket_cut", None, STALLED)
    assert 0 < most < SEND_BUFFER_BYTES + 64 * 1024
    await has_let_go(server_side)
    socket.drop()


async def test_who_reads_again_in_time_is_told_4503(patient: Service, person: Person) -> None:
    """And has lost nothing but the connection: whole frames come before the close."""
    await full_inbox(patient, person)
    socket = await FrameSocket.open(patient.settings.public_url, person.token)
    (server_side,) = connections_of(patient, person)
    (member,) = patient.hub._slot_of
    socket.stop_reading()
    socket.writer.write(framed(TEXT, b'{"type":"sync","since":null}') * 400)

    async def is_closing() -> bool:
        return member.is_closing

    await eventually(is_closing)
    socket.read_on()
    while (frame := await socket.next()).opcode != CLOSE:
        assert frame.body["type"] == "notifications.sync"
    assert frame.close_code == CloseCode.SLOW_READER
    assert frame.close_reason == BUFFER_FULL
    await socket.answer_close(frame)
    await has_let_go(server_side)


async def test_who_reads_slowly_and_does_read_stays(
    hasty: Service, person: Person, logged: list[Any]
) -> None:
    await full_inbox(hasty, person)
    socket = await FrameSocket.open(hasty.settings.public_url, person.token)
    (server_side,) = connections_of(hasty, person)
    for _ in range(4):
        socket.stop_reading()
        for _ in range(5):
            socket.say(type="sync", since=None)

        async def is_stuck() -> bool:
            return server_side.kept_bytes() > 0

        await eventually(is_stuck)
        socket.read_on()
        for _ in range(5):
            assert (await socket.next()).body["type"] == "notifications.sync"
    socket.say(type="ping")
    assert (await socket.next()).body == {"type": "pong"}
    assert ends(logged, person) == []
    socket.drop()


async def test_others_are_told_while_one_sleeps(hasty: Service, person: Person) -> None:
    await full_inbox(hasty, person)
    sleeper = await FrameSocket.open(hasty.settings.public_url, person.token)
    waking = await Socket.authenticated(hasty.settings.public_url, person.token)
    sleeper.stop_reading()
    sleeper.writer.write(framed(TEXT, b'{"type":"sync","since":null}') * 20)
    for _ in range(20):
        await waking.nothing_more()
    waking.close()
    sleeper.drop()
