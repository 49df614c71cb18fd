"""How large a message of a client may be, and what it is made of."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import pytest

from actors.connection import CloseCode
from server.service import Service
from server.socket_protocol import MESSAGE_LIMIT_BYTES
from tests.server.frames import BINARY, CONTINUATION, TEXT, FrameSocket, framed
from tests.server.inboxes import keep
from tests.server.socket_ends import connections_of, ends, is_over
from tests.support.world import Person, eventually


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
    await eventually(partial(is_over, service, person), within_s=10)
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
