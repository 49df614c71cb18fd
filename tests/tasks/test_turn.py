from __future__ import annotations

import asyncio
from datetime import timedelta

import redis
from huey import PriorityRedisHuey
from tornado.testing import bind_unused_port

from tasks.turn import Turn


async def test_of_several_one_has_the_turn(huey: PriorityRedisHuey) -> None:
    turns = [Turn(huey.storage.conn, "job", timedelta(seconds=30)) for _ in range(3)]
    assert sorted(await asyncio.gather(*(turn.is_ours() for turn in turns))) == [False, False, True]
    assert await Turn(huey.storage.conn, "another", timedelta(seconds=30)).is_ours()


async def test_it_is_free_again_after_a_while(huey: PriorityRedisHuey) -> None:
    turn = Turn(huey.storage.conn, "short", timedelta(milliseconds=20))
    assert await turn.is_ours()
    assert 0 < huey.storage.conn.pttl("snb:turn:short") <= 20


async def test_without_redis_everybody_has_it() -> None:
    socket, port = bind_unused_port()
    socket.close()
    nowhere = redis.Redis(port=port)
    assert await Turn(nowhere, "job", timedelta(seconds=30)).is_ours()
