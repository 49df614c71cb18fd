"""A server process that is told to stop lets its sockets go, and goes itself."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from actors.connection import CloseCode
from server.assembly import CLOSE_WITHIN_S, LEAVE_WITHIN_S, STOP_WITHIN_S
from server.launcher import SERVER_STOP_S
from server.serve import FINISH_WITHIN_S
from server.stream_reader import STOP_WITHIN_S as STREAM_STOP_S
from server.transport import RECONNECT_MS
from tests.server.frames import Frame, FrameSocket
from tests.support.api import token
from tests.support.processes import ServerProcess, server_process

SOCKETS = 1_000
AUTHENTICATED = 40
UNWILLING = 20
AT_ONCE = 50


@pytest.fixture
async def server(
    mongodb_uri: str, redis_url: str, database_name: str
) -> AsyncIterator[ServerProcess]:
    """Run a server process of its own."""
    async with server_process(mongodb_uri, redis_url, database_name) as process:
        await process.start()
        yield process


async def opened(base_url: str) -> list[FrameSocket]:
    """Open a thousand sockets, of which some are authenticated."""
    sockets: list[FrameSocket] = []
    for start in range(0, SOCKETS, AT_ONCE):
        numbers = range(start, start + AT_ONCE)
        sockets += await asyncio.gather(
            *(
                FrameSocket.open(base_url, token() if number < AUTHENTICATED else None)
                for number in numbers
            )
        )
    return sockets


def test_the_shares_of_a_stop_end_before_the_launcher_kills() -> None:
    shares_s = (FINISH_WITHIN_S, STREAM_STOP_S, CLOSE_WITHIN_S, STOP_WITHIN_S, LEAVE_WITHIN_S)
    assert sum(shares_s) < SERVER_STOP_S


@pytest.mark.timeout(seconds=300)
async def test_a_thousand_sockets_are_told_to_come_back_each_at_its_own_time(
    server: ServerProcess,
) -> None:
    """Also those who have not authenticated; and who does not answer holds nobody up for long."""
    sockets = await opened(server.base_url)
    began_s = asyncio.get_running_loop().time()
    server.terminate()
    frames: list[Frame] = await asyncio.gather(*(socket.next() for socket in sockets))
    with pytest.raises(ConnectionRefusedError):
        await FrameSocket.open(server.base_url)
    willing = list(zip(sockets, frames, strict=True))[UNWILLING:]
    await asyncio.gather(*(socket.answer_close(frame) for socket, frame in willing))
    assert await server.killed() == 0
    assert asyncio.get_running_loop().time() - began_s < 15

    assert {frame.close_code for frame in frames} == {CloseCode.SERVER_RESTARTING}
    reasons = [json.loads(frame.close_reason) for frame in frames]
    assert all(set(reason) == {"reconnect_after_ms"} for reason in reasons)
    waits_ms = [reason["reconnect_after_ms"] for reason in reasons]
    from_ms, to_ms = RECONNECT_MS[CloseCode.SERVER_RESTARTING]
    assert all(from_ms <= wait_ms <= to_ms for wait_ms in waits_ms)
    quarter_ms = (to_ms - from_ms) / 4
    spread = [int((wait_ms - from_ms) // quarter_ms) for wait_ms in waits_ms]
    assert all(spread.count(quarter) > SOCKETS / 8 for quarter in range(4))
    for socket in sockets[:UNWILLING]:
        await socket.ended()


async def test_a_server_without_clients_stops_at_once(server: ServerProcess) -> None:
    began_s = asyncio.get_running_loop().time()
    server.terminate()
    assert await server.killed() == 0
    assert asyncio.get_running_loop().time() - began_s < FINISH_WITHIN_S
