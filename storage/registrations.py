"""Which processes the connections of a user are with, for those who have something to tell them.

    snb:{lNN}:bus:<user>   sorted set: process -> the Redis server's time at which it expires, in ms

A process that was killed leaves its registrations behind; what is added to its stream then goes
nowhere (storage/bus_streams.py).
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from storage.redis import tagged_key, user_tag

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from uuid import UUID

    from storage.redis import RedisStore

REGISTERED_FOR_S = 600
"""Refreshed three times as often: a registration too many costs little, one too few an answer."""

_NOW = """
local at = redis.call('TIME')
local now = at[1] * 1000 + math.floor(at[2] / 1000)
"""

_ADD = (
    _NOW
    + """
for _, key in ipairs(KEYS) do
    redis.call('ZREMRANGEBYSCORE', key, '-inf', now)
    redis.call('ZADD', key, now + ARGV[2] * 1000, ARGV[1])
    redis.call('EXPIRE', key, ARGV[2])
end
"""
)

_REMOVE = """
for _, key in ipairs(KEYS) do
    redis.call('ZREM', key, ARGV[1])
end
"""

_FIND = (
    _NOW
    + """
local found = {}
for place, key in ipairs(KEYS) do
    found[place] = redis.call('ZRANGEBYSCORE', key, '(' .. string.format('%.0f', now), '+inf')
end
return found
"""
)


class Registrations:
    """The registrations of all users; each method is one round trip, a script call a tag."""

    def __init__(self, redis: RedisStore) -> None:
        self._redis = redis

    async def add(self, process: str, user_ids: Iterable[UUID]) -> None:
        """Have what concerns `user_ids` sent to `process` from now on."""
        await self._call(_ADD, user_ids, process, REGISTERED_FOR_S)

    async def remove(self, process: str, user_ids: Iterable[UUID]) -> None:
        """Have `process` spared what concerns `user_ids`."""
        await self._call(_REMOVE, user_ids, process)

    async def find(self, user_ids: Collection[UUID]) -> Mapping[str, set[UUID]]:
        """Return those of `user_ids` that are with each process; with none, none."""
        found: dict[str, set[UUID]] = defaultdict(set)
        for users, replies in await self._call(_FIND, user_ids):
            for user_id, processes in zip(users, replies, strict=True):
                for process in processes:
                    found[process.decode()].add(user_id)
        return found

    async def _call(
        self, script: str, user_ids: Iterable[UUID], *arguments: str | int
    ) -> list[tuple[list[UUID], Any]]:
        """Run `script` on the keys of each tag; return what it said of which users."""
        by_tag: dict[str, list[UUID]] = defaultdict(list)
        for user_id in user_ids:
            by_tag[user_tag(user_id)].append(user_id)
        if not by_tag:
            return []
        async with self._redis.call() as client:
            pipeline = client.pipeline(transaction=False)
            for users in by_tag.values():
                keys = [tagged_key("bus", user_id) for user_id in users]
                pipeline.eval(script, len(keys), *keys, *arguments)
            replies = await pipeline.execute()
        return list(zip(by_tag.values(), replies, strict=True))
