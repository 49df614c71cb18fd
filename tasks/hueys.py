"""Open the job queues: two a channel, over one pool of connections.

A channel's `critical` queue has a thread that reads nothing else, so what is critical never waits
for a thread that a chunk of others holds; whoever reads `usual` takes what is on `critical` before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import redis
from huey import PriorityRedisHuey
from huey.storage import PriorityRedisStorage
from redis.backoff import NoBackoff
from redis.retry import Retry

from rules.deliveries import SENDING_CHANNELS
from tasks.serializer import JsonSerializer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rules.kinds import Channel

QUEUE_NAMES = "snb"
SOCKET_TIMEOUT_S = 5.0
"""Longer than the second for which a worker's blocking read waits."""

PREFIX_BYTES = 8
"""By which huey orders tasks of one priority (huey 3.5.4, `RedisPriorityQueue.enqueue`)."""


@dataclass(frozen=True, slots=True)
class ChannelHueys:
    """One channel's queues."""

    usual: PriorityRedisHuey
    critical: PriorityRedisHuey


@dataclass(frozen=True, slots=True)
class Hueys:
    """The queues of all channels."""

    of: Mapping[Channel, ChannelHueys]
    redis: redis.Redis

    def close(self) -> None:
        """Give the connections back."""
        self.redis.connection_pool.disconnect()


def open_hueys(url: str) -> Hueys:
    """Return the queues on the Redis at `url`; it is connected to when they are first used.

    Results are not kept: what became of a delivery is in its row.
    """
    pool = redis.ConnectionPool.from_url(
        url,
        socket_timeout=SOCKET_TIMEOUT_S,
        socket_connect_timeout=SOCKET_TIMEOUT_S,
        # redis-py would try again for half a minute; the sweep does that better.
        retry=Retry(NoBackoff(), 0),
        health_check_interval=30,
    )
    return Hueys(
        {channel: _of_channel(channel, pool) for channel in SENDING_CHANNELS},
        redis.Redis(connection_pool=pool),
    )


def _of_channel(channel: Channel, pool: redis.ConnectionPool) -> ChannelHueys:
    name = f"{QUEUE_NAMES}.{channel.value}"
    critical = _huey(f"{name}.critical", pool)
    usual = _huey(name, pool, storage_class=_AfterAnother, first_key=critical.storage.queue_key)
    return ChannelHueys(usual, critical)


def _huey(name: str, pool: redis.ConnectionPool, **storage: Any) -> PriorityRedisHuey:
    return PriorityRedisHuey(
        name,
        results=False,
        immediate=False,
        serializer=JsonSerializer(),
        connection_pool=pool,
        clean_name=False,
        **storage,
    )


class _AfterAnother(PriorityRedisStorage):  # type: ignore[misc]
    """A queue from which nothing is taken while there is something on another."""

    def __init__(self, *args: Any, first_key: str, **options: Any) -> None:
        super().__init__(*args, **options)
        self._first_key = first_key

    def dequeue(self) -> bytes | None:
        """Wait for the next task, for a second at most (`RedisPriorityQueue.dequeue`)."""
        keys = [self._first_key, self.queue_key]
        try:
            popped = self.conn.bzpopmin(keys, timeout=self.read_timeout)
        except redis.TimeoutError:
            return None
        return None if popped is None else popped[1][PREFIX_BYTES:]
