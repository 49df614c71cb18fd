"""Which connections each user has, over all server processes: so that the oldest of too many goes.

    snb:{lNN}:connections:<user>   sorted set: <process>/<serial> -> when it was opened, in ms of
                                   the Redis server's clock

A process that was killed leaves its connections behind; they make room before any other does. They
are named like the rest, because who is taken for dead may just be coming back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from storage.redis import CALL_DEADLINE_S, tagged_key, user_tag
from storage.redis_script import RedisScript, ScriptItem

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from uuid import UUID

    from storage.redis import RedisStore

KEPT_FOR_S = 600
"""As long as registrations (storage/registrations.py), and refreshed with them."""

_OPEN = """
local at = redis.call('TIME')
local now = at[1] * 1000 + math.floor(at[2] / 1000)
local answers = {}
for place, key in ipairs(KEYS) do
    local before = (place - 1) * 5
    local member, age_ms, limit = ARGV[before + 1], ARGV[before + 2], tonumber(ARGV[before + 3])
    local kept_for_s, alive = ARGV[before + 4], ARGV[before + 5]
    redis.call('ZADD', key, now - age_ms, member)
    redis.call('EXPIRE', key, kept_for_s)
    local over = {}
    local too_many = redis.call('ZCARD', key) - limit
    if too_many > 0 then
        local oldest_first, gone = redis.call('ZRANGE', key, 0, -1), {}
        for _, each in ipairs(oldest_first) do
            local process = string.match(each, '^(.*)/')
            if #over < too_many and not string.find(alive, '\\n' .. process .. '\\n', 1, true) then
                over[#over + 1], gone[each] = each, true
            end
        end
        for _, each in ipairs(oldest_first) do
            if #over < too_many and not gone[each] then
                over[#over + 1] = each
            end
        end
        redis.call('ZREM', key, unpack(over))
    end
    answers[place] = over
end
return answers
"""

_CLOSE = """
local answers = {}
for place, key in ipairs(KEYS) do
    answers[place] = redis.call('ZREM', key, ARGV[place])
end
return answers
"""


@dataclass(frozen=True, slots=True)
class Place:
    """One connection of a user, named as its process knows it."""

    user_id: UUID
    process: str
    serial: int

    @property
    def member(self) -> str:
        """Return its name among the user's."""
        return f"{self.process}/{self.serial}"


class Presence:
    """The connections of all users; each method is one round trip."""

    def __init__(self, redis: RedisStore, *, connections_per_user: int) -> None:
        self._redis = redis
        self._connections_per_user = connections_per_user
        self._open = RedisScript(_OPEN)
        self._close = RedisScript(_CLOSE)

    async def open(
        self, opened: Sequence[tuple[Place, float]], *, alive: Collection[str]
    ) -> list[Place]:
        """Note connections, each with the seconds since it was opened; return those too many.

        Those are the oldest of their users', first of what processes had that are not `alive`, and
        forgotten already: whoever has them closes them. Raises RedisUnavailable.
        """
        living = "\n" + "\n".join(alive) + "\n"
        items = [
            _item(
                place,
                place.member,
                round(age_s * 1_000),
                self._connections_per_user,
                KEPT_FOR_S,
                living,
            )
            for place, age_s in opened
        ]
        answers = await self._open.run(self._redis, items, deadline_s=CALL_DEADLINE_S)
        return [
            _place(place.user_id, member)
            for (place, _), over in zip(opened, answers, strict=True)
            for member in over
        ]

    async def close(self, closed: Sequence[Place]) -> None:
        """Forget connections. Raises RedisUnavailable."""
        items = [_item(place, place.member) for place in closed]
        await self._close.run(self._redis, items, deadline_s=CALL_DEADLINE_S)


def _item(place: Place, *arguments: str | int) -> ScriptItem:
    key = tagged_key("connections", place.user_id)
    return ScriptItem(user_tag(place.user_id), (key,), arguments)


def _place(user_id: UUID, member: bytes) -> Place:
    process, _, serial = member.decode().rpartition("/")
    return Place(user_id, process, int(serial))
