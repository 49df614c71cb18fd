"""The bus of one process as the service builds it, with users' actors and without HTTP."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from tornado.ioloop import PeriodicCallback

from actors.bus import Bus
from actors.catch_up import CatchUp
from actors.connection import CloseCode
from actors.directory import CONNECTIONS_PER_USER, Directory
from actors.elsewhere import Elsewhere
from actors.frames import Announcement
from actors.inbox import Inbox
from actors.peers import Peers
from actors.supervisor import Supervisor
from actors.user import UserActor
from rules.lease import Lease
from server.bus_assembly import BusParts, bus_timetable, settled, start_bus
from server.links import MachineLinks
from storage.bus_streams import BusStreams, stream_key
from storage.names import NameResolver, Names
from storage.notifications import NotificationRow
from storage.positions import PositionClock
from storage.redis import RedisStore
from storage.registrations import Registrations
from storage.stores import Stores
from tests.storage.samples import a_row
from tests.support.actors import RecordingConnection, recounts_of
from tests.support.world import WITHIN_S, eventually

STOP_WITHIN_S = 30.0
NO_NAMES = Names({}, {})
PATIENT: dict[str, Any] = {"answer_within_s": 60.0, "begin_within": timedelta(seconds=60)}
"""Waits for answers as long as a busy machine takes."""


class BusProcess:
    """One process on the bus: what it inserts and announces, and who is connected to it."""

    def __init__(
        self,
        stores: Stores,
        redis_url: str,
        lease: Lease,
        links: MachineLinks | None = None,
        **waits: Any,
    ) -> None:
        """Take how long it waits for answers, where that is not as usual (actors/elsewhere.py)."""
        self.stores = stores
        self.lease = lease
        self.links = links or MachineLinks(None, "tests")
        self._stack = AsyncExitStack()
        self.clock = PositionClock()
        self.redis = RedisStore(redis_url)
        self.reading = RedisStore(redis_url, retries=0)
        self.streams = BusStreams(self.redis, self.reading)
        self.supervisor = Supervisor()
        self.peers = Peers(self.clock.store_now())
        self.bus = Bus(self.peers, self.clock, Registrations(self.redis), self.supervisor.ref)
        self.names = NameResolver(stores.users, stores.businesses)
        self.directory = Directory(
            partial(
                UserActor.start,
                notifications=stores.notifications,
                recounts=recounts_of(stores.notifications, stores.unread_counts),
                names=self.names,
                clock=self.clock,
                bus=self.bus,
            ),
            self.bus,
        )
        self.elsewhere = Elsewhere(
            self.peers,
            self.clock,
            partial(self.supervisor.ref, "bus.carrier"),
            self.links,
            **waits,
        )
        self.inbox = Inbox(
            self.directory, stores.notifications, self.clock, self.bus, self.elsewhere
        )
        self.catch_up = CatchUp(
            directory=self.directory,
            notifications=stores.notifications,
            names=self.names,
            clock=self.clock,
        )
        self._periodic: list[PeriodicCallback] = []

    @property
    def stream(self) -> str:
        """The key of its stream."""
        return stream_key(str(self.lease))

    async def start(self) -> None:
        """Start the actors, and wait until others know of them."""
        parts = BusParts(
            redis=self.redis,
            streams=self.streams,
            peers=self.peers,
            directory=self.directory,
            elsewhere=self.elsewhere,
            stores=self.stores,
            names=self.names,
            clock=self.clock,
            lease=self.lease,
            connections_per_user=CONNECTIONS_PER_USER,
        )
        answering = start_bus(self.supervisor, parts, self._telling)
        await self.links.begin(str(self.lease), self.elsewhere, answering, self._stack)
        for name, message, every_s in bus_timetable():
            periodic = PeriodicCallback(self._telling(name, message), every_s * 1_000)
            periodic.start()
            self._periodic.append(periodic)
        await settled(self.peers)

    async def stop(self) -> None:
        """Stop everything."""
        for periodic in self._periodic:
            periodic.stop()
        await self._stack.aclose()
        await self.directory.close_all(CloseCode.SERVER_RESTARTING, deadline_s=STOP_WITHIN_S)
        self.links.close()
        await self.supervisor.stop_all(deadline_s=STOP_WITHIN_S)
        await self.reading.close()
        await self.redis.close()

    def tell(self, name: str, message: object) -> None:
        """Tell one of the actors."""
        self.supervisor.ref(name).tell(message)

    async def ask(self, name: str, message: object) -> Any:
        """Ask one of the actors."""
        return await self.supervisor.ref(name).request(message, deadline_s=STOP_WITHIN_S)

    async def connect(self, user_id: UUID) -> RecordingConnection:
        """Attach a connection that holds nothing back."""
        connection = RecordingConnection()
        await self.directory.attach(user_id, connection)
        ref = self.directory.find(user_id)
        assert ref is not None
        actor = ref._actor_weakref()
        assert actor is not None
        attached = actor._attached.find(connection)
        assert attached is not None
        attached.release()
        return connection

    async def insert(self, user_id: UUID, **changes: Any) -> NotificationRow:
        """Store a row, and tell nobody."""
        now = self.clock.store_now()
        row = a_row(
            user_id,
            **{"created_at": now, "floor": now, "writer": str(self.lease), **changes},
        )
        await self.stores.notifications.insert([row])
        return row

    async def announce(self, *rows: NotificationRow, stored_after_s: float | None = None) -> bool:
        """Announce stored rows here and everywhere; tell whether they are on their way."""
        announcements = [
            (Announcement(row, NO_NAMES, stored_after_s=stored_after_s), [row]) for row in rows
        ]
        for announcement, told in announcements:
            self.directory.deliver(told, announcement)
        return await self.bus.announce(announcements)

    async def publish(self, user_id: UUID, **changes: Any) -> NotificationRow:
        """Store a row and announce it."""
        began_s = time.monotonic()
        row = await self.insert(user_id, **changes)
        await self.announce(row, stored_after_s=began_s)
        return row

    def _telling(self, name: str, message: object) -> Callable[[], None]:
        return partial(self.tell, name, message)


def told(connection: RecordingConnection) -> list[str]:
    """Return the ids that were announced on a connection."""
    return [
        frame["data"]["notification_id"]
        for frame in connection.frames
        if frame["type"] == "notification.new"
    ]


def held_up(patch: pytest.MonkeyPatch, streams: BusStreams, name: str) -> asyncio.Event:
    """Have calls of a method of `streams` wait until the event is set that is returned."""
    may_go, call = asyncio.Event(), getattr(streams, name)

    async def later(*args: Any) -> Any:
        await may_go.wait()
        return await call(*args)

    patch.setattr(streams, name, later)
    return may_go


async def until(is_so: Callable[[], object], within_s: float = WITHIN_S) -> None:
    """Wait until `is_so()`."""

    async def ask() -> object:
        return is_so()

    await eventually(ask, within_s=within_s)


@asynccontextmanager
async def on_the_bus(
    stores: Stores, *redis_urls: str, instance: str = "place", **waits: Any
) -> AsyncIterator[list[BusProcess]]:
    """Run a process for each of the URLs by which they reach the one Redis."""
    processes = [
        BusProcess(stores, url, Lease(f"{instance}:{number}", 1), **waits)
        for number, url in enumerate(redis_urls)
    ]
    try:
        for process in processes:
            await process.start()
        yield processes
    finally:
        await asyncio.gather(*(process.stop() for process in processes))
