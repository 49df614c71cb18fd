"""How a worker reaches MongoDB and Redis, and what it does there before its first write."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass
from typing import Self

from motor.motor_asyncio import AsyncIOMotorDatabase

from config.settings import Settings
from rules.lease import Lease
from storage.cap_ledger import CapLedger
from storage.charges import ChargesRepository
from storage.client import PING_DEADLINE_S, Document, StoreClient, open_client
from storage.daily_caps import DailyCaps
from storage.encryption import FieldCipher
from storage.indexes import BUILD_DEADLINE_S, ensure_indexes
from storage.positions import PositionClock
from storage.redis import RedisStore
from storage.stores import Stores, open_stores

INDEXED_WITHIN_S = BUILD_DEADLINE_S + PING_DEADLINE_S + 1.0
"""Longer than making the indexes may take by itself."""

STOP_LOOK_S = 0.2


@dataclass(frozen=True, slots=True)
class WorkerStore:
    """The clients of a worker, and what is made of them."""

    client: StoreClient
    database: AsyncIOMotorDatabase[Document]
    clock: PositionClock
    stores: Stores
    redis: RedisStore

    @classmethod
    async def open(cls, settings: Settings) -> Self:
        """Build the repositories on the running loop, which their client is then bound to."""
        client = open_client(settings.mongodb_uri or "", app_name="snb-worker")
        database = client[settings.mongodb_database]
        clock = PositionClock()
        stores = open_stores(database, FieldCipher(settings.encryption_keys), clock)
        return cls(client, database, clock, stores, RedisStore(settings.redis_url or ""))

    async def index(self, stop: threading.Event) -> bool:
        """Create the indexes that are missing; told to stop, leave that to who comes next.

        Before anything is written: the embedded store never answers again once a process makes an
        index of a collection that another is just writing the first row of (docs/decisions.md).
        """
        building = asyncio.create_task(ensure_indexes(self.database))
        while not stop.is_set():
            done, _ = await asyncio.wait({building}, timeout=STOP_LOOK_S)
            if done:
                await building
                return True
        building.cancel()
        await asyncio.gather(building, return_exceptions=True)
        return False

    async def join(self, instance: str) -> Lease:
        """Take the worker's place `instance`."""
        await self.clock.measure(self.database)
        return await self.stores.processes.register(instance, "worker")

    def caps(self) -> DailyCaps:
        """Return what counts what a user gets in a day."""
        return DailyCaps(CapLedger(self.redis), ChargesRepository(self.database), self.clock)
