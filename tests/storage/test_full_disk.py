"""A Redis that cannot write what it is told to its file: away, until it can."""

from __future__ import annotations

import resource
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import pytest
import redis

from rules.rate_limits import Check, RateLimit
from storage.event_stream import STREAM
from storage.rate_windows import RateWindows
from storage.redis import RedisStore, RedisUnavailable
from tests.support.own_redis import OwnRedis
from tests.support.world import eventually

LIMITS = (RateLimit("test", 5, 60.0),)


class BoundedRedis(OwnRedis):
    """A server whose files grow as far as the test lets them, as on a disk that is full."""

    def program(self) -> Path:
        script = self.directory / "bounded"
        # Else the kernel would kill it for trying (setrlimit(2)).
        script.write_text(f"#!/bin/sh\ntrap '' XFSZ\nexec '{super().program()}' \"$@\"\n")
        script.chmod(stat.S_IRWXU)
        return script

    def grow(self, most_bytes: int) -> None:
        assert self.child is not None
        limits = (most_bytes, resource.RLIM_INFINITY)
        resource.prlimit(self.child.pid, resource.RLIMIT_FSIZE, limits)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[BoundedRedis]:
    store = BoundedRedis(tmp_path)
    yield store
    store.stop()


async def test_a_redis_whose_disk_is_full_is_away_until_there_is_room_and_has_lost_nothing(
    store: BoundedRedis,
) -> None:
    with redis.Redis.from_url(store.url) as client:
        client.xadd(STREAM, {"event": "before"})
        store.grow(1)
        # By this it finds out that there is no room, and may answer it all the same.
        with suppress(redis.ResponseError):
            client.xadd(STREAM, {"event": "too much"})
        with pytest.raises(redis.ResponseError, match="MISCONF"):
            client.xadd(STREAM, {"event": "refused"})
        answered = client.xlen(STREAM)
    away = RedisStore(store.url)

    async def add(*, is_pipelined: bool) -> None:
        async with away.call() as caller:
            commands = caller.pipeline(transaction=False) if is_pipelined else None
            await (commands or caller).xadd(STREAM, {"event": "refused"})
            if commands is not None:
                await commands.execute()

    for is_pipelined in (False, True):
        with pytest.raises(RedisUnavailable, match="its disk"):
            await add(is_pipelined=is_pipelined)
    windows = RateWindows(away)
    with pytest.raises(RedisUnavailable):
        await windows.check([Check(uuid4(), LIMITS)])
    store.grow(resource.RLIM_INFINITY)

    async def is_back() -> bool:
        try:
            await windows.check([Check(uuid4(), LIMITS)])
        except RedisUnavailable:
            return False
        return True

    await eventually(is_back)
    await away.close()
    store.die()
    store.start()
    with redis.Redis.from_url(store.url) as client:
        assert client.xlen(STREAM) == answered
