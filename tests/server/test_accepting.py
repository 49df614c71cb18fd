"""Connections are accepted a few at a time, and not at all while there is no file for one more."""

from __future__ import annotations

import asyncio
import resource
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from structlog.testing import capture_logs

from server.accepting import ACCEPTED_AT_ONCE, Acceptor
from tests.support.world import eventually

CLIENTS = 3 * ACCEPTED_AT_ONCE


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    """Listen on a port of our own."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as server:
        server.setblocking(False)
        yield server


@pytest.fixture
def clients(listening: socket.socket) -> Iterator[ExitStack]:
    """Have clients connect, whom nobody has accepted yet."""
    with ExitStack() as stack:
        for _ in range(CLIENTS):
            stack.enter_context(socket.create_connection(listening.getsockname()))
        yield stack


class Turns:
    """Counts what is accepted in each turn of the loop."""

    def __init__(self) -> None:
        self.accepted: list[socket.socket] = []
        self.by_turn: list[int] = []
        self._is_over = True

    def take(self, connection: socket.socket, _address: Any) -> None:
        if self._is_over:
            self.by_turn.append(0)
            self._is_over = False
            asyncio.get_running_loop().call_soon(self._end)
        self.accepted.append(connection)
        self.by_turn[-1] += 1

    def _end(self) -> None:
        self._is_over = True

    async def are_all_here(self) -> bool:
        return len(self.accepted) == CLIENTS

    def close(self) -> None:
        for connection in self.accepted:
            connection.close()


@pytest.mark.usefixtures("clients")
async def test_those_who_wait_are_accepted_a_few_in_each_turn(listening: socket.socket) -> None:
    turns = Turns()
    acceptor = Acceptor(listening, turns.take)
    await eventually(turns.are_all_here)
    # The kernel may not have put all into its queue yet when a turn looks.
    assert max(turns.by_turn) == ACCEPTED_AT_ONCE
    acceptor.stop()
    turns.close()


async def test_who_has_stopped_accepts_nobody(listening: socket.socket, clients: ExitStack) -> None:
    turns = Turns()
    acceptor = Acceptor(listening, turns.take)
    await eventually(turns.are_all_here)
    acceptor.stop()
    clients.enter_context(socket.create_connection(listening.getsockname()))
    readable = asyncio.Event()
    asyncio.get_running_loop().add_reader(listening, readable.set)
    await readable.wait()
    await asyncio.sleep(0)
    assert len(turns.accepted) == CLIENTS
    asyncio.get_running_loop().remove_reader(listening)
    turns.close()


@pytest.mark.usefixtures("clients")
async def test_out_of_files_it_tries_again_later_and_is_not_busy_meanwhile(
    listening: socket.socket,
) -> None:
    """A listening socket stays readable, so trying at once would take a core."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    turns = Turns()
    acceptor = Acceptor(listening, turns.take)
    with capture_logs() as lines:
        resource.setrlimit(resource.RLIMIT_NOFILE, (listening.fileno() + 1, hard))
        try:
            await asyncio.sleep(0)
            for _ in range(20):
                await asyncio.sleep(0)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert [line["event"] for line in lines] == ["cannot_accept"]
    assert turns.accepted == []
    await eventually(turns.are_all_here)
    acceptor.stop()
    turns.close()


async def test_one_that_pauses_can_be_stopped(listening: socket.socket, clients: ExitStack) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    turns = Turns()
    acceptor = Acceptor(listening, turns.take)
    with capture_logs() as lines:
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
        try:
            for _ in range(5):
                await asyncio.sleep(0)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert lines
    acceptor.stop()
    clients.close()
    assert turns.accepted == []
