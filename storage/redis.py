"""Reach the Redis of bus and limits, plain or Cluster, and say in one place when it is away.

    redis = RedisStore(url)
    async with redis.call() as client:
        pipeline = client.pipeline(transaction=False)
        ...

Which of the two answers at the URL is asked once, of the server itself. What belongs to one user
lies under that user's tag (`tagged_key`), so that a script may use several of their keys on a
Cluster; a batch is one script call a tag, in one pipeline.

Errors: `RedisUnavailable` for every way in which it did not answer in time.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from redis.asyncio import Redis, RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import (
    ClusterDownError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisClusterException,
    ResponseError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from uuid import UUID

TAGS = 64
"""Into how many parts the keys of users fall: more than the nodes that a Cluster has."""

CALL_DEADLINE_S = 2.0
"""How long a caller waits; bus and limits do without Redis rather than wait for it."""

CONNECT_TIMEOUT_S = 1.0

NO_TIMEOUT = None
"""Of a connection's: each call has a deadline, and with one redis-py makes a task of each write."""

_AWAY = (
    RedisConnectionError,
    RedisTimeoutError,
    RedisClusterException,
    ClusterDownError,
    ReadOnlyError,
    OutOfMemoryError,
    OSError,
)
"""While it reads its file it says so by the first (redis-py 8.1, `BusyLoadingError`). Every other
error of Redis but the next is a fault of ours, and is raised as it is."""

_DISK = "MISCONF"
"""Begins what it says, for which redis-py has no class, while it cannot write to its disk."""


class RedisUnavailable(Exception):
    """Redis did not answer, or not in time. What was asked may have happened all the same."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"Redis is unavailable: {reason}")
        self.reason = reason


def user_tag(user_id: UUID) -> str:
    """Return the hash tag of `user_id`, `{l00}` to `{l63}` (Redis Cluster specification)."""
    # The end of an id, because the beginning of a UUIDv7 is a time.
    return f"{{l{user_id.int % TAGS:02}}}"


def tagged_key(name: str, user_id: UUID) -> str:
    """Return the key of `name` for `user_id`, beside all other keys with the user's tag."""
    return f"snb:{user_tag(user_id)}:{name}:{user_id}"


class RedisStore:
    """One process's connections to Redis; they are opened when first used.

    With no `retries` a connection that was lost is an error even when the next one is there at
    once: for those who have to know that what answers may have forgotten something.
    """

    def __init__(self, url: str, *, retries: int = 1) -> None:
        self._url = url
        self._retries = retries
        self._client: Redis | RedisCluster | None = None
        self._opening = asyncio.Lock()

    @asynccontextmanager
    async def call(
        self, deadline_s: float = CALL_DEADLINE_S
    ) -> AsyncIterator[Redis | RedisCluster]:
        """Give the client, bound what is awaited inside, and raise RedisUnavailable."""
        try:
            async with asyncio.timeout(deadline_s):
                yield self._client or await self._open()
        except TimeoutError:
            raise RedisUnavailable("deadline") from None
        except _AWAY as error:
            raise RedisUnavailable(type(error).__name__) from error
        except ResponseError as error:
            # In a pipeline it is said after which command it was.
            if _DISK not in str(error):
                raise
            raise RedisUnavailable("its disk") from error

    async def close(self) -> None:
        """Close the connections; those of a server that says nothing more are dropped."""
        client, self._client = self._client, None
        if client is None:
            return
        with suppress(*_AWAY):
            await client.aclose()
        if isinstance(client, RedisCluster):
            await _close_nodes(client)

    async def _open(self) -> Redis | RedisCluster:
        """Return the client that fits the server; who waits for another's attempt shares it."""
        async with self._opening:
            if self._client is None:
                self._client = await self._fitting()
            return self._client

    async def _fitting(self) -> Redis | RedisCluster:
        plain = Redis.from_url(
            self._url,
            socket_timeout=NO_TIMEOUT,
            socket_connect_timeout=CONNECT_TIMEOUT_S,
            retry=Retry(NoBackoff(), self._retries),
        )
        try:
            information = await plain.info("cluster")
        except BaseException:
            await plain.aclose()
            raise
        if not information.get("cluster_enabled"):
            return plain
        await plain.aclose()
        return RedisCluster.from_url(
            self._url, socket_timeout=NO_TIMEOUT, socket_connect_timeout=CONNECT_TIMEOUT_S
        )


async def _close_nodes(client: RedisCluster) -> None:
    """Close what `client` leaves open once a node was lost: it calls itself not yet opened then.

    What the other nodes are still asked, though nobody waits for it, is closed when it is answered.
    """
    manager = client.nodes_manager
    for name in ("nodes_cache", "startup_nodes"):
        with suppress(*_AWAY):
            await manager.aclose(name)
        for node in getattr(manager, name).values():
            node.update_active_connections_for_reconnect()
