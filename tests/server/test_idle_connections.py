"""Connections on which nobody asks any more are closed, and no others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import tornado.netutil
import tornado.web
import tornado.websocket

from server.application import Application
from server.edge import Edge
from server.http_server import LOOKS_EVERY_S, HttpServer, http_server
from tests.support.world import eventually

WITHIN_S = 30.0
UPGRADE = (
    b"GET /socket HTTP/1.1\r\nHost: tests\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
PING, PONG = b"\x89\x84\0\0\0\0here", b"\x8a\x04here"
"""RFC 6455 §5.5; a mask of zeros leaves the payload as it is."""

REQUEST = b"GET / HTTP/1.1\r\nHost: tests\r\n\r\n"
BEGUN = b"GET / HTTP/1.1\r\n"


class Slow(tornado.web.RequestHandler):
    """Answers when it is let."""

    def initialize(self, may_answer: asyncio.Event, is_asked: asyncio.Event) -> None:
        self._may_answer = may_answer
        self._is_asked = is_asked

    async def get(self) -> None:
        self._is_asked.set()
        await self._may_answer.wait()
        self.finish("here")


class Socket(tornado.websocket.WebSocketHandler):
    """Says nothing by itself."""

    def open(self) -> None:
        pass

    def on_message(self, message: str | bytes) -> None:
        raise AssertionError(message)


class Served:
    """A server, a connection to it, and a handler that waits."""

    def __init__(self) -> None:
        self.may_answer = asyncio.Event()
        self.is_asked = asyncio.Event()
        self.may_answer.set()

    @asynccontextmanager
    async def running(self, *, looks_every_s: float = LOOKS_EVERY_S) -> AsyncIterator[HttpServer]:
        given = {"may_answer": self.may_answer, "is_asked": self.is_asked}
        routes = [("/", Slow, given), ("/socket", Socket)]
        edge = Edge(allowed_origins=(), is_https=False)
        server = http_server(Application(routes, edge=edge), None, looks_every_s=looks_every_s)
        sockets = tornado.netutil.bind_sockets(0, "127.0.0.1")
        server.add_sockets(sockets)
        self._reader, self._writer = await asyncio.open_connection(*sockets[0].getsockname())
        yield server
        self._writer.close()
        server.stop()
        await server.close_all_connections()

    async def ask(self, sent: bytes = REQUEST) -> None:
        self._writer.write(sent)
        await self._writer.drain()

    async def answer(self) -> bytes:
        async with asyncio.timeout(WITHIN_S):
            return await self._reader.readuntil(b"here")

    @property
    def has_ended(self) -> bool:
        return self._reader.at_eof()

    async def end(self) -> bytes:
        async with asyncio.timeout(WITHIN_S):
            return await self._reader.read()


@pytest.fixture
async def served() -> Served:
    return Served()


@pytest.mark.parametrize("sent", [REQUEST, REQUEST + BEGUN], ids=["nothing", "part of a head"])
async def test_who_asks_no_more_is_closed_by_looks(served: Served, sent: bytes) -> None:
    async with served.running() as server:
        await served.ask(sent)
        await served.answer()

        async def is_closed() -> bool:
            server.close_idle()
            return served.has_ended

        await eventually(is_closed)


async def test_who_asks_between_two_looks_stays(served: Served) -> None:
    async with served.running() as server:
        for _ in range(3):
            await served.ask()
            assert (await served.answer()).startswith(b"HTTP/1.1 200")
            server.close_idle()


async def test_who_waits_for_an_answer_stays(served: Served) -> None:
    async with served.running() as server:
        served.may_answer.clear()
        await served.ask()
        async with asyncio.timeout(WITHIN_S):
            await served.is_asked.wait()
        server.close_idle()
        server.close_idle()
        served.may_answer.set()
        assert (await served.answer()).startswith(b"HTTP/1.1 200")


async def test_a_websocket_on_which_nothing_is_said_stays(served: Served) -> None:
    async with served.running() as server:
        await served.ask(UPGRADE)
        async with asyncio.timeout(WITHIN_S):
            await served._reader.readuntil(b"\r\n\r\n")
        for _ in range(3):
            server.close_idle()
        await served.ask(PING)
        assert (await served.answer()).endswith(PONG)


async def test_who_stops_in_the_midst_of_a_body_is_closed(served: Served) -> None:
    async with served.running() as server:
        await served.ask(b"POST / HTTP/1.1\r\nHost: tests\r\nContent-Length: 9\r\n\r\nhalf")

        async def is_closed() -> bool:
            server.close_idle()
            return served.has_ended

        await eventually(is_closed)


async def test_a_server_looks_by_itself(served: Served) -> None:
    async with served.running(looks_every_s=0.05):
        assert await served.end() == b""
