"""An answer that the kernel does not take at once comes whole, and one that is refused does not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from tornado.netutil import bind_sockets

from server.application import Application
from server.edge import Edge
from server.handlers.answering import AnsweringHandler
from server.http_server import http_server
from tests.server.wire import WITHIN_S

LARGE = 12_000_000
"""Bytes: some times what sockets of this machine hold."""

BEGUN = 3_000_000


class Large(AnsweringHandler):
    """Answers with much; at the end there is still something to do."""

    async def get(self) -> None:
        self.set_header("Content-Length", str(LARGE))
        self.write(b"x" * LARGE)
        sent = self.flush()
        self.finish()
        await sent


class AtOnce(AnsweringHandler):
    """Answers with much in one piece."""

    def get(self) -> None:
        self.finish(b"x" * LARGE)


class Refused(AnsweringHandler):
    """Answers with a field that cannot be written."""

    def get(self) -> None:
        self._headers["X-Note"] = self.get_query_argument("note")
        self.finish(b"refused")


Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest.fixture
async def ends() -> AsyncIterator[Ends]:
    routes = [(r"/large", Large), (r"/at-once", AtOnce), (r"/refused", Refused)]
    edge = Edge(allowed_origins=(), is_https=False)
    server = http_server(Application(routes, edge=edge), None)
    (socket,) = bind_sockets(0, "127.0.0.1")
    server.add_sockets([socket])
    reader, writer = await asyncio.open_connection(*socket.getsockname())
    yield reader, writer
    writer.close()
    server.stop()
    await server.close_all_connections()


def asked(path: str, *headers: str) -> bytes:
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: tests", *headers, "", ""]).encode()


async def begun(reader: asyncio.StreamReader) -> bytes:
    """Return the first bytes of a body, after which the server is writing."""
    async with asyncio.timeout(WITHIN_S):
        await reader.readuntil(b"\r\n\r\n")
        return await reader.readexactly(BEGUN)


async def received(reader: asyncio.StreamReader) -> int:
    """Return how many bytes more come before the connection ends."""
    async with asyncio.timeout(WITHIN_S):
        return len(await reader.read(-1))


async def test_to_a_client_that_has_nothing_more_to_ask(ends: Ends) -> None:
    reader, writer = ends
    writer.write(asked("/at-once"))
    assert len(await begun(reader)) == BEGUN
    writer.write_eof()
    assert await received(reader) == LARGE - BEGUN


async def test_to_a_client_that_asks_what_cannot_be_read(ends: Ends) -> None:
    reader, writer = ends
    writer.write(asked("/at-once"))
    assert len(await begun(reader)) == BEGUN
    writer.write(asked("/" + "a" * 70_000))
    assert await received(reader) == LARGE - BEGUN


async def test_on_a_connection_that_ends_with_it(ends: Ends) -> None:
    reader, writer = ends
    writer.write(asked("/large", "Connection: close"))
    assert len(await begun(reader)) == BEGUN
    assert await received(reader) == LARGE - BEGUN


@pytest.mark.parametrize("note", ["two%0Alines", "%E2%82%AC"])
async def test_the_next_answer_is_not_taken_for_one_that_cannot_be_written(
    ends: Ends, note: str
) -> None:
    reader, writer = ends
    writer.write(asked(f"/refused?note={note}") + asked("/at-once"))
    async with asyncio.timeout(WITHIN_S):
        assert await reader.read(-1) == b""
