"""Which processes the connections of a user are with, for those who have something to tell them.

    snb:{lNN}:bus:<user>   sorted set: process -> the Redis server's time at which it expires, in ms

A process that was killed leaves its registrations behind; what is added to its stream then goes
nowhere (storage/bus_streams.py).
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

from storage.redis import CALL_DEADLINE_S, tagged_key, user_tag
from storage.redis_script import RedisScript, ScriptItem

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
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
local answers = {}
for place, key in ipairs(KEYS) do
    local process, kept_for_s = ARGV[place * 2 - 1], ARGV[place * 2]
    redis.call('ZREMRANGEBYSCORE', key, '-inf', now)
    local answer = {redis.call('ZADD', key, now + kept_for_s * 1000, process)}
    redis.call('EXPIRE', key, kept_for_s)
    for _, each in ipairs(redis.call('ZRANGE', key, 0, -1)) do
        if each ~= process then
            answer[#answer + 1] = each
        end
    end
    answers[place] = answer
end
return answers
"""
)

_REMOVE = """
local removed = {}
for place, key in ipairs(KEYS) do
    removed[place] = redis.call('ZREM', key, ARGV[place])
end
return removed
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


class Registered(NamedTuple):
    """What was found when somebody was registered."""

    is_new: bool
    """Whether their process had not registered them yet."""

    others: Sequence[str]
    """The processes that have registered them besides."""


class Registrations:
    """The registrations of all users; each method is one round trip."""

    def __init__(self, redis: RedisStore) -> None:
        self._redis = redis
        self._add = RedisScript(_ADD)
        self._remove = RedisScript(_REMOVE)
        self._find = RedisScript(_FIND)

    async def add(self, process: str, user_ids: Collection[UUID]) -> Mapping[UUID, Registered]:
        """Have what concerns `user_ids` sent to `process` from now on."""
        answers = await self._run(self._add, user_ids, process, REGISTERED_FOR_S)
        return {
            user_id: Registered(bool(added), [each.decode() for each in others])
            for user_id, (added, *others) in zip(user_ids, answers, strict=True)
        }

    async def remove(self, process: str, user_ids: Iterable[UUID]) -> None:
        """Have `process` spared what concerns `user_ids`."""
        await self._run(self._remove, user_ids, process)

    async def find(self, user_ids: Collection[UUID]) -> Mapping[str, set[UUID]]:
        """Return those of `user_ids` that are with each process; with none, none."""
        found: dict[str, set[UUID]] = defaultdict(set)
        for user_id, processes in zip(user_ids, await self._run(self._find, user_ids), strict=True):
            for process in processes:
                found[process.decode()].add(user_id)
        return found

    async def _run(
        self, script: RedisScript, user_ids: Iterable[UUID], *arguments: str | int
    ) -> list[Any]:
        """Return what `script` says of each of `user_ids`. Raises RedisUnavailable."""
        items = [
            ScriptItem(user_tag(user_id), (tagged_key("bus", user_id),), arguments)
            for user_id in user_ids
        ]
        return await script.run(self._redis, items, deadline_s=CALL_DEADLINE_S)
