"""Which processes are on the bus: those that showed themselves within the last seconds.

    snb:bus:members   sorted set: process -> the Redis server's time at which it expires, in ms

So a process knows whether it is alone, for as long as nobody can have joined unseen: who joins
does not go on before all others have shown themselves again, or have expired. And it knows what
the clock of Redis shows (actors/shared_time.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from storage.bus_streams import STREAM_FOR_MS, stream_key

if TYPE_CHECKING:
    from collections.abc import Mapping

    from storage.redis import RedisStore

MEMBERS = "snb:bus:members"

MEMBER_FOR_MS = 4_000
"""Also how long one who joins waits for another that has died, and no longer."""

_BEAT = """
local at = redis.call('TIME')
local now = at[1] * 1000 + math.floor(at[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
local before = redis.call('ZSCORE', KEYS[1], ARGV[1])
redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
return {before, redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES'), at}
"""


@dataclass(frozen=True, slots=True)
class Membership:
    """What a beat found: `until` and `others` say when each expires, by one clock."""

    was_member: bool
    """Whether all others have been able to see this process since its last beat."""

    shown_us: int
    """What the Redis server's clock showed, in microseconds."""

    until: float
    others: Mapping[str, float]


class BusMembers:
    """The processes on the bus."""

    def __init__(self, redis: RedisStore) -> None:
        self._redis = redis

    async def beat(self, process: str) -> Membership:
        """Show that `process` lives, keep its stream, and return who else does."""
        async with self._redis.call() as client:
            pipeline = client.pipeline(transaction=False)
            pipeline.eval(_BEAT, 1, MEMBERS, process, MEMBER_FOR_MS)
            pipeline.pexpire(stream_key(process), STREAM_FOR_MS)
            (before, pairs, (seconds, beyond_us)), _ = await pipeline.execute()
        members = {
            name.decode(): float(until) for name, until in zip(pairs[::2], pairs[1::2], strict=True)
        }
        until = members.pop(process)
        shown_us = int(seconds) * 1_000_000 + int(beyond_us)
        return Membership(before is not None, shown_us, until, members)

    async def leave(self, *processes: str) -> None:
        """Take processes off: this one, or former ones of its place."""
        async with self._redis.call() as client:
            await client.zrem(MEMBERS, *processes)
