"""What becomes of who is not there any more, or is about to go. Times are passed in."""

from __future__ import annotations

import asyncio
import gc
import weakref
from functools import partial
from typing import Any

import pytest

from actors.connection import CloseCode
from server.hub import SILENT
from server.service import Service
from server.socket_limits import SocketLimits
from tests.server.frames import CLOSE, PING, PONG, TEXT, FrameSocket
from tests.server.socket_ends import HASTY, ends, is_over
from tests.support.service import running
from tests.support.world import Person, World, eventually


async def test_a_half_open_peer_is_pinged_and_then_gone(
    hasty: Service, person: Person, logged: list[Any]
) -> None:
    """Its system takes what is sent, and nobody answers: neither a pong nor a message comes."""
    socket = await FrameSocket.open(hasty.settings.public_url, person.token)
    assert (await socket.next_of_any_kind()).opcode == PING
    began_s = asyncio.get_running_loop().time()
    await eventually(partial(is_over, hasty, person))
    assert asyncio.get_running_loop().time() - began_s < HASTY.silent_for_s + 10
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
