"""Processes of one machine, which find one another in a directory."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path

from redis.asyncio import Redis

from rules.lease import Lease
from server.links import MachineLinks
from server.service import Service
from tests.support.bus import PATIENT, BusProcess, until
from tests.support.visitors import Visitor, storeless


class Machine:
    """Processes that find one another in a directory."""

    def __init__(
        self, service: Service, redis_url: str, directory: Path, stack: AsyncExitStack
    ) -> None:
        self.directory = directory
        self._stores = service.stores
        self._redis_url = redis_url
        self._stack = stack

    async def start(self, name: str, *, service: str = "tests", incarnation: int = 1) -> BusProcess:
        lease = Lease(name, incarnation)
        own = MachineLinks(self.directory, service)
        process = BusProcess(self._stores, self._redis_url, lease, own, **PATIENT)
        self._stack.push_async_callback(process.stop)
        await process.start()
        return process

    async def carried(self, *processes: BusProcess) -> int:
        """Return how much has gone to the processes by the bus."""
        async with Redis.from_url(self._redis_url) as redis:
            streams = [await redis.xinfo_stream(process.stream) for process in processes]
        return sum(stream["entries-added"] for stream in streams)


async def linked(here: BusProcess, there: BusProcess) -> Visitor:
    """Have somebody connected to `there`, whom `here` has asked about, and wait for the link."""
    visitor = await Visitor.come(there)
    assert await storeless(here).unread_count(visitor.user_id) == 5
    await until(lambda: here.links._links.get(str(there.lease)))
    return visitor
