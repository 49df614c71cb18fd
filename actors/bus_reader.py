"""The actor that reads what other processes have to say, and hands it to the users who are here.

Whatever tells of a break (Redis away, its memory gone, entries cut off, this process taken for
dead) leads to the same: join again, register everybody again, and then look into MongoDB for what
was stored since all was well. Nothing that comes later is handed on before that, because a client
must not see the newer of one writer's notifications before the older (actors/sync.py).

While Redis is away the look into MongoDB is repeated, more often than `sync` looks back; so a
client that is cut off then, and comes back to whichever process, misses nothing either.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Any

import structlog
from pykka import ActorDeadError

from actors.catch_up import CatchUp
from actors.elsewhere import Elsewhere
from actors.handing_on import HandingOn
from actors.loop_actor import LoopActor
from actors.loop_ref import DeadlineExceeded
from actors.mailbox import MailboxFull
from actors.newcomers import Arrival
from actors.notices import Joined, Lost
from actors.peers import Peers
from actors.sync import LOOK_BACK
from storage.bus_streams import READ_AT_ONCE, BusStreams, Fields, StreamGone
from storage.client import StoreUnavailable
from storage.positions import PositionClock
from storage.redis import RedisUnavailable

TRY_AGAIN_AFTER_S = 0.5

LOOK_EVERY_S = 15.0
"""While the bus is away: half of what `sync` looks back."""

REMOVE_EVERY_S = 0.1
"""What is read right after something was removed stays for as long as the next read may block."""

END_WITHIN_S = 0.6
"""Above the pause between two tries."""

CANCEL_AGAIN_AFTER_S = 0.05

_AWAY = (
    RedisUnavailable,
    StreamGone,
    StoreUnavailable,
    ActorDeadError,
    MailboxFull,
    DeadlineExceeded,
)
"""What passes by itself: a store is out of reach, or an actor is being started anew."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class FindBack:
    """Something was missed: join again and catch up."""


@dataclass(frozen=True, slots=True)
class _Broken:
    error: Exception


class BusReader(LoopActor):
    """Reads this process's stream, in a task of its own, for its reads block.

    `join` and `register_all` are what the member and the registrar do; `on_joined` is called when
    another process waits to be seen; `has_company` tells by MongoDB whether others may be there.
    """

    def __init__(
        self,
        *,
        process: str,
        streams: BusStreams,
        peers: Peers,
        elsewhere: Elsewhere,
        handing_on: HandingOn,
        catch_up: CatchUp,
        clock: PositionClock,
        join: Callable[[], Awaitable[Any]],
        register_all: Callable[[], Awaitable[Sequence[Arrival]]],
        has_company: Callable[[], Awaitable[bool]],
        on_joined: Callable[[], None],
    ) -> None:
        super().__init__()
        self._process = process
        self._streams = streams
        self._peers = peers
        self._elsewhere = elsewhere
        self._handing_on = handing_on
        self._catch_up = catch_up
        self._clock = clock
        self._join = join
        self._register_all = register_all
        self._has_company = has_company
        self._on_joined = on_joined
        self._is_astray = True
        self._unheard: Sequence[Arrival] = ()
        self._unheard_since = clock.store_now()
        self._is_ending = False
        self._looked_at_s = 0.0
        self._looked_since: datetime | None = None
        """From when on was looked for what those say that were just read."""

        self._removed_at_s = 0.0
        self._has_unremoved = False
        self._reading: asyncio.Task[None] | None = None

    def on_start(self) -> None:
        """Begin to read."""
        self._peers.leave()
        self._reading = self._loop.create_task(self._read_on(), context=self._context)

    def on_receive(self, message: Any) -> None:
        """Take note of what was found out elsewhere."""
        match message:
            case FindBack():
                self._is_astray = True
            case _Broken():
                raise message.error
            case _:
                raise TypeError(f"the reader of the bus does not take {type(message).__name__}")

    async def on_stop(self) -> None:  # type: ignore[override]
        """Read no more, at once: a read that blocks is woken by an entry of our own."""
        self._is_ending = True
        if self._peers.is_joined:
            with contextlib.suppress(RedisUnavailable):
                await self._streams.add([(self._process, Joined().fields())])
        assert self._reading is not None
        # Rather than cancelled: a connection that is being opened just then would be left open.
        await asyncio.wait([self._reading], timeout=END_WITHIN_S)
        await self._end_reading()

    async def on_failure(  # type: ignore[override]
        self,
        exception_type: type[BaseException] | None,
        exception_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Leave the stream to the next reader."""
        await self._end_reading()

    async def _end_reading(self) -> None:
        assert self._reading is not None
        while not self._reading.done():
            # Again and again: redis-py 8.1 loses a cancellation that comes while it connects.
            self._reading.cancel()
            await asyncio.wait([self._reading], timeout=CANCEL_AGAIN_AFTER_S)

    async def _read_on(self) -> None:
        try:
            while not self._is_ending:
                try:
                    if self._is_astray:
                        await self._find_back()
                    await self._read()
                    await self._look_again()
                except _AWAY as error:
                    await self._do_without(error)
        except Exception as error:  # noqa: BLE001 (the boundary of a task: the actor fails by it)
            self.actor_ref.tell(_Broken(error))

    async def _find_back(self) -> None:
        """Join, have everything sent here, and then look for what was not."""
        # First, because what is found out meanwhile has to be seen to afterwards.
        self._is_astray = False
        self._peers.leave()
        self._elsewhere.pending.refuse_all()
        stream = self._peers.stream
        opened = await self._streams.open(self._process, stream.taken)
        if opened.is_new:
            self._peers.was_forgotten()
        stream.take(opened.after)
        await self._join()
        # From here on users who come register themselves; those who came before are registered now.
        self._peers.join()
        self._unheard_since = self._clock.store_now()
        self._unheard = await self._register_all()
        await self._look()
        if not self._unheard:
            self._peers.catch_up()
        stream.hand_on()
        self._peers.settled.set()
        log.info("bus_joined", others=len(self._peers.others))

    async def _read(self) -> None:
        """Read once, and hand on what there was; if some was lost, first what the store has."""
        began_at, began_at_s = self._clock.store_now(), time.monotonic()
        self._looked_since = None
        stream = self._peers.stream
        reading = await self._streams.read(self._process, stream.taken)
        if not reading.is_whole:
            log.warning("bus_entries_lost", until=reading.until)
            self._peers.only_here.forget_all()
            self._elsewhere.pending.refuse_all()
            await self._look()
        for number, parcels in reading.entries:
            # Before it is handed on: it may have been in part, and is not to be again. What the
            # store may fail, `Lost`, is added alone; after a fault of ours the rest is lost.
            stream.take(number)
            for fields in parcels:
                await self._hand_on(fields)
            stream.hand_on()
            # An entry may have told thousands of actors: it is their turn.
            await asyncio.sleep(0)
        stream.take(reading.until)
        stream.hand_on()
        self._has_unremoved |= bool(reading.entries)
        await self._remove_read()
        if len(reading.entries) < READ_AT_ONCE:
            stream.read_at_s = began_at_s
            self._peers.tell_until(min(began_at, self._peers.intact_at))

    async def _look_again(self) -> None:
        """Look once more when others have heard who is here: they told nobody of them before.

        Not in one go with finding back, as what they have heard is read by this very actor.
        """
        if self._unheard and all(arrival.is_over for arrival in self._unheard):
            self._unheard = ()
            self._peers.told_until = min(self._peers.told_until, self._unheard_since)
            await self._look()
            self._peers.catch_up()

    async def _remove_read(self) -> None:
        """Remove what was read, but not each time where there is much: it is a call more."""
        now_s = time.monotonic()
        if self._has_unremoved and now_s - self._removed_at_s >= REMOVE_EVERY_S:
            self._has_unremoved = False
            self._removed_at_s = now_s
            await self._streams.remove(self._process, self._peers.stream.taken)

    async def _hand_on(self, fields: Fields) -> None:
        match self._handing_on.hand_on(fields):
            case Lost(since) if self._looked_since is None or since < self._looked_since:
                # What several say at once is looked for once: all had said so before it was read.
                self._looked_since = since
                self._peers.told_until = min(self._peers.told_until, since)
                await self._look()
            case Joined():
                self._on_joined()

    async def _look(self) -> None:
        """Tell what was stored since all was well."""
        began_at = self._clock.store_now()
        self._peers.is_looking = True
        try:
            await self._catch_up.run(self._peers.told_until - LOOK_BACK)
        finally:
            self._peers.is_looking = False
        self._peers.tell_until(began_at)
        self._looked_at_s = time.monotonic()

    async def _do_without(self, error: Exception) -> None:
        """Look into MongoDB from time to time, until Redis is back."""
        if self._peers.is_joined or not self._peers.settled.is_set():
            log.warning("bus_away", error=repr(error))
        self._is_astray = True
        self._peers.leave()
        self._elsewhere.pending.refuse_all()
        self._peers.settled.set()
        if time.monotonic() - self._looked_at_s >= LOOK_EVERY_S:
            with contextlib.suppress(StoreUnavailable):
                if await self._has_company():
                    await self._look()
        await asyncio.sleep(TRY_AGAIN_AFTER_S)
