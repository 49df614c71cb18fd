"""Whatever a client sends, the server goes on, and so does the connection or its end says why."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs
from tornado.ioloop import IOLoop

from actors.connection import CloseCode
from server.schemas.frames import SCHEMAS
from server.service import Service
from server.socket_protocol import MESSAGE_LIMIT_BYTES
from tests.server.frames import BINARY, CLOSE, CONTINUATION, PING, TEXT, FrameSocket, framed
from tests.support.api import token

fuzzed = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

FIELDS = ["type", "ref", "token", "notification_ids", "notification_id", "action", "since", "limit"]

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=40)
    | st.uuids().map(str)
    | st.sampled_from([2**63, 2**64, -(2**63) - 1, 1e400, "\ud800", "\x00", ""]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)

messages = st.builds(
    lambda kind, fields: {**fields, **kind},
    st.just({}) | st.fixed_dictionaries({"type": st.sampled_from([*SCHEMAS, "subscribe"])}),
    st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=8), values, max_size=5),
)

payloads = (
    st.binary(max_size=200)
    | st.text(max_size=200).map(lambda text: text.encode(errors="surrogatepass"))
    | (values | messages).map(lambda value: json.dumps(value).encode())
    | st.sampled_from(
        [
            b"[" * MESSAGE_LIMIT_BYTES,
            b'{"type":' * 2_000,
            b'{"a":' * 900 + b"1" + b"}" * 900,
            b'{"type": "ping", "type": "sync"}',
            b'{"type": "ping", "ref": %b}' % (b"9" * 5_000),
            b"x" * (MESSAGE_LIMIT_BYTES + 1),
        ]
    )
)

whole_frames = st.lists(
    st.builds(framed, st.sampled_from([TEXT, BINARY]), payloads), min_size=1, max_size=6
)


@pytest.fixture
def faults(caplog: pytest.LogCaptureFixture) -> Iterator[list[Any]]:
    """Keep what is logged, of which nothing may be a fault of ours."""
    with capture_logs() as lines:
        yield lines
        assert [line for line in lines if line["log_level"] in {"error", "critical"}] == []
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


async def goes_on(service: Service, socket: FrameSocket) -> None:
    """Assert that a ping is answered, or that the connection was closed with one of our codes."""
    socket.say(type="ping", ref="the fuzz is over")
    frame = await socket.next()
    while frame.opcode != CLOSE and frame.body.get("ref") != "the fuzz is over":
        frame = await socket.next()
    if frame.opcode == CLOSE:
        assert frame.close_code in set(CloseCode)
    socket.drop()
    assert set((await service.readiness.check()).values()) == {"ok"}


@fuzzed
@given(frames=whole_frames)
def test_whoever_is_in_is_answered_or_told_why_not(
    io_loop: IOLoop, service: Service, faults: list[Any], frames: list[bytes]
) -> None:
    async def throw() -> None:
        socket = await FrameSocket.open(service.settings.public_url, token())
        for frame in frames:
            socket.writer.write(frame)
        await goes_on(service, socket)

    io_loop.run_sync(throw, timeout=20)


@fuzzed
@given(frames=whole_frames)
def test_who_is_not_in_is_refused_and_nothing_else(
    io_loop: IOLoop, service: Service, faults: list[Any], frames: list[bytes]
) -> None:
    async def throw() -> None:
        socket = await FrameSocket.open(service.settings.public_url)
        for frame in frames:
            socket.writer.write(frame)
        told = await socket.next()
        if told.opcode != CLOSE:
            assert told.body["type"] == "authentication_failed"
            assert (await socket.next()).close_code == CloseCode.UNAUTHORIZED
        else:
            assert told.close_code in {CloseCode.MESSAGE_TOO_BIG, CloseCode.INVALID_TEXT}
        socket.drop()

    io_loop.run_sync(throw, timeout=20)


@fuzzed
@given(
    frames=st.lists(
        st.builds(
            framed,
            st.sampled_from([CONTINUATION, TEXT, BINARY, 3, 7, CLOSE, PING, 11, 15]),
            st.binary(max_size=300),
            is_final=st.booleans(),
            reserved=st.sampled_from([0, 0, 0, 0x40, 0x20, 0x10]),
        )
        | st.binary(min_size=1, max_size=40),
        min_size=1,
        max_size=6,
    )
)
def test_who_breaks_the_protocol_hurts_nobody_else(
    io_loop: IOLoop, service: Service, faults: list[Any], frames: list[bytes]
) -> None:
    async def throw() -> None:
        witness = await FrameSocket.open(service.settings.public_url, token())
        socket = await FrameSocket.open(service.settings.public_url, token(uuid4()))
        for frame in frames:
            socket.writer.write(frame)
        await goes_on(service, witness)
        socket.drop()

    io_loop.run_sync(throw, timeout=20)
