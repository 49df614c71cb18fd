"""The Redis stream by which other services hand over events, as one consumer of a group reads it.

    snb:events            {event: the JSON of one event}; what is done with is deleted
    snb:events:rejected   {event: as it was, reason, entry: its id}, the newest `REJECTED_KEPT`,
                          all gone a week after the last

What a consumer has read is its own until it says that it is done with it, across its restarts; what
another has had for long, because it is gone, can be taken over. Every method raises
`RedisUnavailable`.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import orjson
from redis.exceptions import ResponseError

from storage.redis import CALL_DEADLINE_S, RedisUnavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence

    from redis.asyncio import Redis, RedisCluster

    from storage.redis import RedisStore

STREAM = "snb:events"
REJECTED = "snb:events:rejected"
GROUP = "snb:servers"

REJECTED_KEPT = 10_000
"""About as many; Redis trims by whole nodes of a stream."""

REJECTED_FOR = timedelta(days=7)
"""They are as they came, and may say whom they are about."""

_LEAVE = """
local held = redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 1, ARGV[2])
if #held == 0 then redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], ARGV[2]) end
"""
"""In one step, because with a consumer goes what it holds."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of the stream."""

    id: bytes
    fields: dict[bytes, bytes]
    """Empty for one that was deleted by somebody else after it had been read."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """An entry that is no event, and why."""

    entry: Entry
    reason: str


class EventStream:
    """The stream, as `consumer` sees it."""

    def __init__(self, redis: RedisStore, consumer: str) -> None:
        self._redis = redis
        self._consumer = consumer
        self._has_group = False
        self._abandoned_from: Any = "0-0"

    async def read(self, *, limit: int, wait_s: float) -> list[Entry]:
        """Return at most `limit` entries that nobody has read, waiting for the first."""
        async with self._group(wait_s + CALL_DEADLINE_S) as client:
            return await self._read(client, ">", limit, block=int(wait_s * 1000))

    async def held(self, *, limit: int) -> list[Entry]:
        """Return the oldest entries that this consumer has read and is not done with."""
        async with self._group() as client:
            return await self._read(client, "0", limit, block=None)

    async def take_over(self, *, idle_s: float, limit: int) -> int:
        """Make entries ours that a consumer has had for `idle_s`; return how many those were.

        Each call looks at some more of what is held.
        """
        async with self._group() as client:
            # Redis 6.2 gives None for entries that were deleted, so they are read by `held`.
            taken = await client.xautoclaim(
                *(STREAM, GROUP, self._consumer, int(idle_s * 1000)),
                start_id=self._abandoned_from,
                count=limit,
            )
        self._abandoned_from = taken[0]
        return len(taken[1])

    async def reject(self, rejected: Iterable[Rejected]) -> None:
        """Keep `rejected` where people can look at them."""
        async with self._group() as client:
            pipeline = client.pipeline(transaction=False)
            for each in rejected:
                pipeline.xadd(REJECTED, _rejected(each), maxlen=REJECTED_KEPT, approximate=True)
            pipeline.expire(REJECTED, REJECTED_FOR)
            await pipeline.execute()

    async def done(self, entries: Sequence[Entry]) -> None:
        """Delete `entries`, then hold them no more: in this order none is left lying about."""
        ids = [entry.id for entry in entries]
        async with self._group() as client:
            pipeline = client.pipeline(transaction=False)
            pipeline.xdel(STREAM, *ids)
            pipeline.xack(STREAM, GROUP, *ids)
            await pipeline.execute()

    async def leave(self) -> None:
        """Go off the group's list, unless something is still held."""
        async with self._group() as client:
            await client.eval(_LEAVE, 1, STREAM, GROUP, self._consumer)

    async def _read(
        self, client: Redis | RedisCluster, after: str, limit: int, *, block: int | None
    ) -> list[Entry]:
        found: Any = await client.xreadgroup(
            GROUP, self._consumer, {STREAM: after}, count=limit, block=block
        )
        return [Entry(entry_id, fields) for _, entries in found for entry_id, fields in entries]

    @asynccontextmanager
    async def _group(
        self, deadline_s: float = CALL_DEADLINE_S
    ) -> AsyncIterator[Redis | RedisCluster]:
        """Give the client once there is the group; one that was flushed is made anew."""
        async with self._redis.call(deadline_s) as client:
            try:
                if not self._has_group:
                    await _create_group(client)
                    self._has_group = True
                yield client
            except ResponseError as error:
                if not str(error).startswith("NOGROUP"):
                    raise
                self._has_group = False
                raise RedisUnavailable("the consumer group is gone") from None


async def _create_group(client: Redis | RedisCluster) -> None:
    """Create the group, which begins with all that the stream has."""
    try:
        await client.xgroup_create(STREAM, GROUP, id="0", mkstream=True)
    except ResponseError as error:
        if not str(error).startswith("BUSYGROUP"):
            raise


def _rejected(each: Rejected) -> dict[Any, Any]:
    event = each.entry.fields.get(b"event")
    if event is None:
        named = {
            name.decode(errors="replace"): value.decode(errors="replace")
            for name, value in each.entry.fields.items()
        }
        event = orjson.dumps(named)
    return {"event": event, "reason": each.reason, "entry": each.entry.id}
