"""The streams by which processes tell one another: each has one, which it alone reads and makes.

    snb:bus:<instance>#<epoch>   stream; entries are removed once read, for they hold people's texts

A stream that is gone (flushed, expired) is not made by those who write to it: what they add then
goes nowhere, its reader finds it gone, makes it anew and looks into MongoDB.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from storage.redis import RedisStore

MOST_ENTRIES = 1_000
"""What waits in a stream at most, roughly; 25 MB if each were the batch of a large fan-out."""

READ_AT_ONCE = 50

BLOCK_MS = 1_000
READ_WITHIN_S = 3.0
"""Above the time for which a read may block."""

FIRST = "0-0"

Fields = dict[bytes, bytes]


def stream_key(process: str) -> str:
    """Return the key of the stream of `process`."""
    return f"snb:bus:{process}"


class BusStreams:
    """Writes to all streams and reads one.

    Reading blocks, and so it has connections of its own; `reading` should not retry, because a
    connection that is lost may have been to a server that has forgotten something.
    """

    def __init__(self, redis: RedisStore, reading: RedisStore) -> None:
        self._redis = redis
        self._reading = reading

    async def open(self, process: str, cursor: str) -> str:
        """Make the stream unless it is there; return the cursor to go on from.

        That is `cursor` unless the stream has no such entry yet: then a server has taken over
        that never got it, or the stream is new.
        """
        key = stream_key(process)
        async with self._redis.call() as client:
            # The one way to make a stream without an entry.
            await client.xgroup_create(key, "maker", "$", mkstream=True)
            await client.xgroup_destroy(key, "maker")
            information = await client.xinfo_stream(key)
        last = information["last-generated-id"].decode()
        return cursor if _place(cursor) <= _place(last) else FIRST

    async def add(self, entries: Iterable[tuple[str, Fields]]) -> None:
        """Add each entry to the stream of its process, if that has one."""
        async with self._redis.call() as client:
            pipeline = client.pipeline(transaction=False)
            for process, fields in entries:
                pipeline.xadd(
                    stream_key(process),
                    cast("Any", fields),
                    maxlen=MOST_ENTRIES,
                    approximate=True,
                    nomkstream=True,
                )
            await pipeline.execute()

    async def read(self, process: str, cursor: str) -> list[tuple[str, Fields]]:
        """Return the next entries after `cursor`, oldest first; none after a second without any."""
        key = stream_key(process)
        async with self._reading.call(READ_WITHIN_S) as client:
            replies: Any = await client.xread({key: cursor}, count=READ_AT_ONCE, block=BLOCK_MS)
        return [(entry_id.decode(), fields) for _, found in replies for entry_id, fields in found]

    async def remove(self, process: str, entry_ids: Sequence[str]) -> bool:
        """Remove entries that were read; tell whether all that came before them was there.

        As only the reader removes, a stream from which others had to be cut off has at least its
        bound left, with those that were read.
        """
        key = stream_key(process)
        async with self._redis.call() as client:
            pipeline = client.pipeline(transaction=False)
            pipeline.xdel(key, *entry_ids)
            pipeline.xlen(key)
            _, left = await pipeline.execute()
        return bool(left + len(entry_ids) < MOST_ENTRIES)

    async def delete(self, process: str) -> None:
        """Remove the stream: nobody reads it any more."""
        async with self._redis.call() as client:
            await client.delete(stream_key(process))


def _place(entry_id: str) -> tuple[int, ...]:
    return tuple(int(part) for part in entry_id.split("-"))
