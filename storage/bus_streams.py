"""The streams by which processes tell one another: each has one, which it alone reads and makes.

    snb:bus:<instance>#<epoch>   stream; what was read is removed soon, for it holds people's texts

Entries are numbered without a gap (their ids are 1-0, 1-1, 1-2 and so on, which takes Redis 7), so
its reader knows of each that it did not get, whatever became of it. A stream that is gone (flushed,
expired) is not made by those who write to it: what they add then goes nowhere, and its reader finds
it gone. Errors: `StreamGone`.

An entry holds several parcels, the fields of each under its place: `0.kind`, `1.kind` and so on.
What is written and read costs both sides by the entry more than by what is in it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from redis.exceptions import ResponseError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from storage.redis import RedisStore

STREAM_FOR_MS = 30_000
"""How long a stream outlives its process, and the longest pause that a process may take."""

MOST_ENTRIES = 1_000
"""What waits in a stream at most, roughly; 25 MB if each were the batch of a large fan-out."""

ENTRY_BYTES = 20_000
"""Of the parcels of one entry, unless it is a single one. A batch of a large fan-out has about as
many."""

READ_AT_ONCE = 50

BLOCK_MS = 1_000
READ_WITHIN_S = 3.0
"""Above the time for which a read may block."""

NONE = -1
"""The number before the first."""

_OPEN = """
if redis.call('EXISTS', KEYS[1]) == 0 then
    redis.call('XGROUP', 'CREATE', KEYS[1], 'maker', '$', 'MKSTREAM')
    redis.call('XGROUP', 'DESTROY', KEYS[1], 'maker')
    redis.call('PEXPIRE', KEYS[1], ARGV[1])
    return 1
end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 0
"""
"""The one way to make a stream without an entry. In one step: a kill between could leave one that
stays for good, or that cannot be opened again."""

Fields = dict[bytes, bytes]


def stream_key(process: str) -> str:
    """Return the key of the stream of `process`."""
    return f"snb:bus:{process}"


class StreamGone(Exception):
    """Redis has forgotten the stream, and with it what was in it."""

    def __init__(self, process: str) -> None:
        super().__init__(f"the stream of {process} is gone")
        self.process = process


@dataclass(frozen=True, slots=True)
class Reading:
    """Some entries with their numbers, up to which one all is in it, and whether all is."""

    entries: list[tuple[int, list[Fields]]]
    """Each with its parcels."""

    until: int
    is_whole: bool


class Opened(NamedTuple):
    """A stream that may be read."""

    after: int
    """The number after which to go on."""

    is_new: bool
    """Whether it was not there: Redis has not heard of its process, or has forgotten it."""


class BusStreams:
    """Writes to all streams and reads one.

    Reading blocks, and so it has connections of its own; `reading` should not retry, because a
    connection that is lost may have been to a server that has forgotten something.
    """

    def __init__(self, redis: RedisStore, reading: RedisStore) -> None:
        self._redis = redis
        self._reading = reading

    async def open(self, process: str, after: int) -> Opened:
        """Make the stream unless it is there. It goes again unless its process shows itself.

        To go on after is `after`, as long as what follows it, if anything, is there.
        """
        key = stream_key(process)
        async with self._redis.call() as client:
            is_new = bool(await client.eval(_OPEN, 1, key, STREAM_FOR_MS))
            information = await client.xinfo_stream(key)
        first, last = information["first-entry"], _number(information["last-generated-id"])
        if first is None:
            return Opened(last, is_new)
        before_first = _number(first[0]) - 1
        return Opened(after if before_first <= after <= last else before_first, is_new)

    async def add(self, parcels: Iterable[tuple[str, Fields]]) -> list[int | None]:
        """Add each parcel to the stream of its process.

        Returns the number of the entry that each is in, None where the process has no stream.
        """
        some = list(parcels)
        entries = _entries(some)
        numbers: list[int | None] = [None] * len(some)
        for entry, entry_id in zip(entries, await self._add_all(entries), strict=True):
            for place in entry.places:
                numbers[place] = None if entry_id is None else _number(entry_id)
        return numbers

    async def _add_all(self, entries: Sequence[_Entry]) -> list[bytes | None]:
        """Return the id of each entry, None for those whose process has no stream."""
        if not entries:
            return []
        async with self._redis.call() as client:
            if len(entries) == 1:
                # A pipeline of one costs nearly twice as much.
                return [await _add(client, entries[0])]
            pipeline = client.pipeline(transaction=False)
            for entry in entries:
                _add(pipeline, entry)
            ids: list[bytes | None] = await pipeline.execute()
            return ids

    async def read(self, process: str, after: int) -> Reading:
        """Return what comes after the number `after`; nothing after a second without anything.

        Raises StreamGone.
        """
        entries = await self._after(process, after, block_ms=BLOCK_MS)
        if entries:
            return Reading(entries, entries[-1][0], len(entries) == entries[-1][0] - after)
        last = await self._last(process)
        if last < after:
            raise StreamGone(process)
        if last == after:
            return Reading([], after, is_whole=True)
        # It came just now, or it has gone unread.
        entries = await self._after(process, after, block_ms=None)
        until = entries[-1][0] if entries else last
        return Reading(entries, until, len(entries) == until - after)

    async def _after(
        self, process: str, after: int, *, block_ms: int | None
    ) -> list[tuple[int, list[Fields]]]:
        key = stream_key(process)
        since = f"1-{after}" if after > NONE else "0-0"
        async with self._reading.call(READ_WITHIN_S) as client:
            replies: Any = await client.xread({key: since}, count=READ_AT_ONCE, block=block_ms)
        return [
            (_number(entry_id), _parcels(fields))
            for _, found in replies
            for entry_id, fields in found
        ]

    async def _last(self, process: str) -> int:
        async with self._redis.call() as client:
            try:
                information = await client.xinfo_stream(stream_key(process))
            except ResponseError:
                raise StreamGone(process) from None
        return _number(information["last-generated-id"])

    async def remove(self, process: str, until: int) -> None:
        """Remove what was read, up to the number `until`."""
        async with self._redis.call() as client:
            await client.xtrim(stream_key(process), minid=f"1-{until + 1}", approximate=False)

    async def delete(self, process: str) -> None:
        """Remove the stream: nobody reads it any more."""
        async with self._redis.call() as client:
            await client.delete(stream_key(process))


@dataclass(slots=True)
class _Entry:
    process: str
    fields: Fields = field(default_factory=dict)
    places: list[int] = field(default_factory=list)
    """Of its parcels, among all that are added."""

    size: int = 0
    """Bytes of its parcels."""

    def take(self, place: int, parcel: Fields, size: int) -> None:
        """Put one more parcel in."""
        prefix = b"%d." % len(self.places)
        self.fields.update((prefix + name, value) for name, value in parcel.items())
        self.places.append(place)
        self.size += size


def _entries(parcels: Sequence[tuple[str, Fields]]) -> list[_Entry]:
    """Return the entries of `parcels`: those for a process together, and in order."""
    entries: list[_Entry] = []
    current: dict[str, _Entry] = {}
    for place, (process, parcel) in enumerate(parcels):
        size = sum(len(name) + len(value) for name, value in parcel.items())
        entry = current.get(process)
        if entry is None or entry.size + size > ENTRY_BYTES:
            entry = current[process] = _Entry(process)
            entries.append(entry)
        entry.take(place, parcel, size)
    return entries


def _parcels(fields: Mapping[bytes, bytes]) -> list[Fields]:
    """Return the parcels of an entry, in order."""
    parcels: dict[bytes, Fields] = {}
    for name, value in fields.items():
        place, _, own_name = name.partition(b".")
        parcels.setdefault(place, {})[own_name] = value
    return list(parcels.values())


def _add(client: Any, entry: _Entry) -> Any:
    return client.xadd(
        stream_key(entry.process),
        entry.fields,
        id="1-*",
        maxlen=MOST_ENTRIES,
        approximate=True,
        nomkstream=True,
    )


def _number(entry_id: bytes) -> int:
    """Return the number of an entry; 0-0 is the id that a new stream has generated last."""
    return NONE if entry_id == b"0-0" else int(entry_id.partition(b"-")[2])
