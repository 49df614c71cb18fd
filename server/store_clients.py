"""Open clients of the stores; each is closed when its process is taken apart."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Any, TypeAlias

from motor.motor_asyncio import AsyncIOMotorDatabase

from config.settings import Settings
from storage.client import open_client
from storage.redis import RedisStore

Database: TypeAlias = AsyncIOMotorDatabase[dict[str, Any]]


class StoreClients:
    """Opens what the settings name, by URI; `stack` closes it."""

    def __init__(self, settings: Settings, stack: AsyncExitStack) -> None:
        assert settings.mongodb_uri is not None
        assert settings.redis_url is not None
        self._mongodb_uri = settings.mongodb_uri
        self._mongodb_database = settings.mongodb_database
        self._redis_url = settings.redis_url
        self._stack = stack

    def database(self, purpose: str) -> Database:
        """Return the database by a client of its own; the store's operators see `purpose`."""
        client = open_client(self._mongodb_uri, app_name=f"savenbite {purpose}")
        self._stack.push_async_callback(client.aclose)
        return client[self._mongodb_database]

    def redis(self, *, retries: int = 1) -> RedisStore:
        """Return the Redis of bus and limits, as `RedisStore` has it."""
        opened = RedisStore(self._redis_url, retries=retries)
        self._stack.push_async_callback(opened.close)
        return opened
