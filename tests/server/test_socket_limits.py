"""How much a client may say, how often, on how many connections, and what ends those that do more.

Also who is let go for being dead or too slow. The numbers are the contract's but for times, which
are passed in.
"""

from __future__ import annotations

import asyncio
import gc
import json
import weakref
from collections.abc import AsyncIterator, Iterator, Sized
from functools import partial
from typing import Any

import pytest
from structlog.testing import capture_logs

from actors.connection import CloseCode
from server.hub import SILENT, STALLED
from server.service import Service
from server.socket_limits import SocketLimits
from server.socket_protocol import MESSAGE_LIMIT_BYTES
from server.transport import BUFFER_FULL, SEND_BUFFER_BYTES, Transport
from tests.server.admission import success
from tests.server.frames import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    Frame,
    FrameSocket,
    framed,
)
from tests.server.inboxes import keep
from tests.support.api import token
from tests.support.service import running
from tests.support.sockets import Socket
from tests.support.world import Person, World, eventually

HASTY = SocketLimits(
    ping_every_s=0.4,
    silent_for_s=0.8,
    stalled_for_s=0.4,
    cut_after_s=0.1,
    look_every_s=0.05,
    messages_per_minute=None,
)
CUSTOMER_CONNECTIONS = 10


@pytest.fixture(scope="module")
async def hasty(mongodb_uri: str, redis_url: str, database_name: str) -> AsyncIterator[Service]:
    """Run a process that is quick to give up on a socket, and lets everybody say all they want."""
    variables = {"SNB_INSTANCE": "test:hasty"}
    async with running(mongodb_uri, redis_url, database_name, HASTY, **variables) as started:
        yield started


@pytest.fixture(scope="module")
async def counting_url(mongodb_uri: str, redis_url: str, database_name: str) -> AsyncIterator[str]:
    """Run a process that counts messages, as it does where nothing is said of it."""
    variables = {"SNB_INSTANCE": "test:counting", "SNB_RATE_LIMITS": "{}"}
    async with running(mongodb_uri, redis_url, database_name, **variables) as started:
        yield started.settings.public_url


@pytest.fixture
def logged() -> Iterator[list[Any]]:
    """Keep what is logged."""
    with capture_logs() as lines:
        yield lines


def ends(logged: list[Any], person: Person) -> list[tuple[Any, ...]]:
    """Return how the connections of `person` ended, as logged: event, code, why."""
    return [
        (line["event"], line.get("code"), line["why"])
        for line in logged
        if line["event"] in {"socket_closed", "socket_cut"} and line["user_id"] == str(person.id)
    ]


# Connections of one user


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


# Size of messages


def ping_of(size: int) -> bytes:
    """Return a bad `ping` of exactly `size` bytes."""
    empty = json.dumps({"type": "ping", "pad": ""}).encode()
    return empty[:-2] + b"x" * (size - len(empty)) + empty[-2:]


async def in_pieces(socket: FrameSocket, opcode: int, payload: bytes, count: int) -> None:
    """Send a message in `count` frames."""
    size = -(-len(payload) // count)
    pieces = [payload[at : at + size] for at in range(0, len(payload), size)]
    for number, piece in enumerate(pieces):
        socket.send(
            opcode if number == 0 else CONTINUATION, piece, is_final=number == len(pieces) - 1
        )
        await socket.writer.drain()


@pytest.mark.parametrize("opcode", [TEXT, BINARY], ids=["text", "binary"])
@pytest.mark.parametrize("count", [1, 2, 50])
async def test_a_message_of_16_kib_is_read(
    base_url: str, person: Person, opcode: int, count: int
) -> None:
    socket = await FrameSocket.open(base_url, person.token)
    await in_pieces(socket, opcode, ping_of(MESSAGE_LIMIT_BYTES), count)
    assert list((await socket.next()).body["error"]["details"]) == ["pad"]
    socket.say(type="ping")
    assert (await socket.next()).body == {"type": "pong"}
    socket.drop()


@pytest.mark.parametrize("opcode", [TEXT, BINARY], ids=["text", "binary"])
@pytest.mark.parametrize("count", [1, 2, 50])
@pytest.mark.parametrize("size", [MESSAGE_LIMIT_BYTES + 1, 64 * 1024, 65_537, 3_000_000])
async def test_a_message_over_16_kib_is_4413(
    base_url: str, person: Person, opcode: int, size: int, count: int
) -> None:
    socket = await FrameSocket.open(base_url, person.token)
    await in_pieces(socket, opcode, ping_of(size), count)
    frame = await socket.next()
    assert frame.close_code == CloseCode.MESSAGE_TOO_BIG
    await socket.answer_close(frame)


async def test_bytes_count_and_not_characters(base_url: str, person: Person) -> None:
    text = json.dumps({"type": "ping", "pad": "é" * 8_200}, ensure_ascii=False)
    assert len(text) < MESSAGE_LIMIT_BYTES < len(text.encode())
    socket = await FrameSocket.open(base_url, person.token)
    socket.send(TEXT, text.encode())
    assert (await socket.next()).close_code == CloseCode.MESSAGE_TOO_BIG
    socket.drop()


async def test_a_message_that_is_announced_as_too_big_is_4413_before_it_comes(
    base_url: str, person: Person
) -> None:
    socket = await FrameSocket.open(base_url, person.token)
    socket.writer.write(framed(TEXT, b"x" * 2**20)[:1_000])
    assert (await socket.next()).close_code == CloseCode.MESSAGE_TOO_BIG
    socket.drop()


async def test_a_message_that_never_ends_is_4413_and_its_memory_is_bounded(
    service: Service, base_url: str, person: Person, logged: list[Any]
) -> None:
    """What is announced is 2 EiB; 20 MiB of it come, and none of them is kept."""
    socket = await FrameSocket.open(base_url, person.token)
    socket.writer.write(bytes([0x81, 0xFF]) + (2**61).to_bytes(8, "big") + bytes(4))
    frame = await socket.next()
    assert frame.close_code == CloseCode.MESSAGE_TOO_BIG
    (server_side,) = connections_of(service, person)
    for _ in range(320):
        socket.writer.write(b"x" * 65_536)
        await socket.writer.drain()
        assert server_side.kept_bytes() < 300_000
    assert ends(logged, person) == [("socket_closed", 4413, None)]
    await eventually(partial(_is_over, service, person), within_s=10)
    socket.drop()


async def test_before_authentication_too(base_url: str) -> None:
    socket = await FrameSocket.open(base_url)
    socket.send(TEXT, ping_of(MESSAGE_LIMIT_BYTES + 1))
    assert (await socket.next()).close_code == CloseCode.MESSAGE_TOO_BIG
    socket.drop()


async def test_nothing_of_a_message_that_is_too_big_is_carried_out(
    service: Service, base_url: str, person: Person
) -> None:
    (one,) = await keep(service, person, {})
    socket = await FrameSocket.open(base_url, person.token)
    message = {"type": "mark_read", "notification_ids": [one], "ref": "x" * MESSAGE_LIMIT_BYTES}
    socket.send(TEXT, json.dumps(message).encode())
    socket.say(type="mark_read", notification_ids=[one])
    frame = await socket.next()
    assert frame.close_code == CloseCode.MESSAGE_TOO_BIG
    await socket.answer_close(frame)
    assert await service.stores.notifications.unread_count(person.id) == 1


async def test_text_that_is_no_utf8_is_1007(base_url: str, person: Person) -> None:
    socket = await FrameSocket.open(base_url, person.token)
    socket.send(TEXT, b'{"type": "ping", "ref": "\xff"}')
    frame = await socket.next()
    assert frame.close_code == CloseCode.INVALID_TEXT
    await socket.answer_close(frame)


async def test_a_message_in_a_binary_frame_is_taken_as_in_a_text_frame(
    base_url: str, person: Person
) -> None:
    socket = await FrameSocket.open(base_url, person.token)
    socket.send(BINARY, b'{"type": "ping", "ref": 1}')
    assert (await socket.next()).body == {"type": "pong", "ref": 1}
    socket.drop()


# How often


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


# Who does not read


def connections_of(service: Service, person: Person) -> list[KeptBytes]:
    """Return the server's ends of the connections of `person`."""
    return [
        KeptBytes(member)
        for member in service.hub._slot_of
        if isinstance(member, Transport) and member._about()["user_id"] == str(person.id)
    ]


class KeptBytes:
    """The buffers of the server's end of a connection, which it outlives."""

    def __init__(self, member: Transport) -> None:
        assert member._protocol is not None
        self._stream = member._protocol.stream

    def kept_bytes(self) -> int:
        """Count what is received and not taken, and what is written and not sent."""
        # The stream drops its buffers when it is closed.
        buffers: list[Sized | None] = [self._stream._write_buffer, self._stream._read_buffer]
        return sum(len(buffer) for buffer in buffers if buffer is not None)


async def _is_over(service: Service, person: Person) -> bool:
    return not connections_of(service, person)


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
    await eventually(partial(_is_over, hasty, person))
    assert ends(logged, person) == [
        ("socket_closed", CloseCode.SLOW_READER, STALLED),
        ("socket_cut", None, STALLED),
    ]
    assert server_side.kept_bytes() == 0
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

    async def is_over() -> bool:
        nonlocal most
        most = max(most, server_side.kept_bytes())
        return await _is_over(hasty, person)

    await eventually(is_over)
    (closed, cut) = ends(logged, person)
    assert closed == ("socket_closed", CloseCode.SLOW_READER, BUFFER_FULL)
    assert cut == ("socket_cut", None, STALLED)
    assert 0 < most < SEND_BUFFER_BYTES + 64 * 1024
    assert server_side.kept_bytes() == 0
    socket.drop()


async def test_who_reads_again_in_time_is_told_4503(hasty: Service, person: Person) -> None:
    """And has lost nothing but the connection: whole frames come before the close."""
    await full_inbox(hasty, person)
    socket = await FrameSocket.open(hasty.settings.public_url, person.token)
    (server_side,) = connections_of(hasty, person)
    (member,) = hasty.hub._slot_of
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
    assert server_side.kept_bytes() == 0


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


# Who is not there any more


async def test_a_half_open_peer_is_pinged_and_then_gone(
    hasty: Service, person: Person, logged: list[Any]
) -> None:
    """Its system takes what is sent, and nobody answers: neither a pong nor a message comes."""
    socket = await FrameSocket.open(hasty.settings.public_url, person.token)
    assert (await socket.next_of_any_kind()).opcode == PING
    began_s = asyncio.get_running_loop().time()
    await eventually(partial(_is_over, hasty, person))
    assert asyncio.get_running_loop().time() - began_s < HASTY.silent_for_s + 0.5
    assert ends(logged, person) == [("socket_cut", None, SILENT)]
    assert hasty.directory.find(person.id) is None
    await socket.ended()


async def test_one_that_never_authenticated_is_gone_as_well(
    mongodb_uri: str, redis_url: str, database_name: str
) -> None:
    limits = SocketLimits(ping_every_s=0.1, silent_for_s=0.2, look_every_s=0.05)
    variables = {"SNB_INSTANCE": "test:quick"}
    async with running(mongodb_uri, redis_url, database_name, limits, **variables) as service:
        socket = await FrameSocket.open(service.settings.public_url)
        assert (await socket.next_of_any_kind()).opcode == PING
        await socket.ended()
        assert len(service.hub) == 0


@pytest.mark.parametrize("opcode", [PONG, PING, TEXT], ids=["pong", "ping", "message"])
async def test_who_gives_any_sign_of_life_stays(
    hasty: Service, person: Person, logged: list[Any], opcode: int
) -> None:
    payload = b'{"type": "ping"}' if opcode == TEXT else b"here"
    socket = await FrameSocket.open(hasty.settings.public_url, person.token)
    pings = 0
    while pings < 6:
        pings += (await socket.next_of_any_kind()).opcode == PING
        socket.send(opcode, payload)
    assert ends(logged, person) == []
    socket.drop()


ENDS = ["dropped by the client", "closed by the client", "refused", "too big", "cut"]


@pytest.mark.parametrize("end", ENDS)
async def test_what_is_gone_is_freed_at_once(hasty: Service, person: Person, end: str) -> None:
    """Not by the garbage collector, which would find ten thousand of them late."""
    gc.collect()
    gc.disable()
    try:
        socket = await FrameSocket.open(hasty.settings.public_url, person.token)
        servers_end = weakref.ref(next(iter(hasty.hub._slot_of)))
        match end:
            case "dropped by the client":
                socket.drop()
            case "closed by the client":
                socket.send(CLOSE, b"")
            case "refused":
                socket.say(type="authenticate", token="garbage")
                await socket.next()
                await socket.answer_close(await socket.next())
            case "too big":
                socket.send(TEXT, b"x" * 100_000)
                await socket.answer_close(await socket.next())

        async def is_freed() -> bool:
            return servers_end() is None

        await eventually(is_freed)
        socket.drop()
    finally:
        gc.enable()


async def test_a_fan_out_passes_by_who_is_closing(world: World, base_url: str) -> None:
    shop = await world.shop()
    follower = await world.follower(shop)
    leaving = await FrameSocket.open(base_url, follower.token)
    leaving.say(type="authenticate", token="garbage")
    assert (await leaving.next()).body["type"] == "authentication_failed"
    refusal = await leaving.next()
    assert refusal.close_code == CloseCode.UNAUTHORIZED
    staying = await world.connect(follower)
    await world.post_listing(shop)
    assert (await staying.notified())["unread_count"] == 1
    await leaving.answer_close(refusal)
    world.close()
