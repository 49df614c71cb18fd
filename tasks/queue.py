"""The job queue's face: put ids of deliveries on it.

It carries ids, never the truth: a delivery that the queue refuses, forgets or cannot be told
of stays due in MongoDB, where the sweep finds it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

import redis
import structlog
from huey import PriorityRedisHuey
from redis.backoff import NoBackoff
from redis.retry import Retry

from rules.kinds import Channel
from tasks.serializer import JsonSerializer

log = structlog.get_logger(__name__)

QUEUE_NAME = "snb"
CHUNK_REFS = 100
"""Deliveries a task: a worker settles them by one update a channel."""
MAX_QUEUED_TASKS = 5_000
"""Half a million deliveries, about 45 MB of Redis; more than that is found by the sweep."""
CRITICAL_PRIORITY = 10
"""Everything else has 0: what is critical is sent before it."""
CRITICAL_TASKS = 500
"""Room for what is critical on a queue that is full for everything else."""
SOCKET_TIMEOUT_S = 5.0
"""Longer than the second for which a worker's blocking read waits."""
WARN_EVERY_S = 60.0
AWAY_FOR_S = 1.0
LONGEST_AWAY_FOR_S = 30.0
"""Callers do not wait on a Redis that failed less than this ago; doubled at each failure, so that
one that drops packets costs a fan-out a few seconds in half a minute."""

EncodedRef = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class DeliveryRef:
    """One channel of one notification; the recipient is in it because rows are sharded by them."""

    channel: Channel
    recipient_id: UUID
    notification_id: UUID

    def encode(self) -> EncodedRef:
        """Return the ref as JSON carries it."""
        return self.channel.value, str(self.recipient_id), str(self.notification_id)

    @classmethod
    def decode(cls, encoded: Sequence[str]) -> DeliveryRef:
        """Return the ref that `encode` made; raises ValueError when it did not."""
        channel, recipient_id, notification_id = encoded
        return cls(Channel(channel), UUID(recipient_id), UUID(notification_id))


class DeliveryQueue:
    """Ids of what workers have to send, highest priority first; one for each Huey."""

    def __init__(
        self,
        huey: PriorityRedisHuey,
        *,
        carry_out: Callable[[Sequence[EncodedRef]], None] | None = None,
        max_queued_tasks: int = MAX_QUEUED_TASKS,
    ) -> None:
        """Take what carries a chunk out in a worker; elsewhere there is none."""

        def deliver(chunk: Sequence[EncodedRef]) -> None:
            if carry_out is None:
                raise RuntimeError(f"{len(chunk)} deliveries in a process that only queues them")
            carry_out(chunk)

        self._huey = huey
        self._deliver = huey.task(name="deliver")(deliver)
        self._max_queued_tasks = max_queued_tasks
        self._warned_at_s: dict[str, float] = {}
        self._away_until_s = 0.0
        self._away_for_s = AWAY_FOR_S

    def enqueue(self, refs: Sequence[DeliveryRef], *, priority: int = 0) -> int:
        """Put `refs` on the queue and return how many it took.

        Fewer than all when it is full or Redis is away, which is no error: the rest stays due.
        Blocks on the network, for at most a few seconds.
        """
        if self.is_away:
            return 0
        taken = 0
        try:
            most = self._max_queued_tasks + (CRITICAL_TASKS if priority else 0)
            room = most - self.size()
            for start in range(0, len(refs), CHUNK_REFS):
                if room <= 0:
                    self._warn("queue_full", left=len(refs) - taken)
                    break
                chunk = [ref.encode() for ref in refs[start : start + CHUNK_REFS]]
                self._huey.enqueue(self._deliver.s(chunk, priority=priority))
                taken += len(chunk)
                room -= 1
            self._away_for_s = AWAY_FOR_S
        except redis.RedisError as error:
            self._away_until_s = time.monotonic() + self._away_for_s
            self._away_for_s = min(2 * self._away_for_s, LONGEST_AWAY_FOR_S)
            self._warn("queue_away", error=type(error).__name__, left=len(refs) - taken)
        return taken

    @property
    def is_away(self) -> bool:
        """Tell whether Redis failed so recently that nobody should wait for it."""
        return time.monotonic() < self._away_until_s

    def size(self) -> int:
        """Return how many tasks wait; raises redis.RedisError."""
        waiting: int = self._huey.pending_count()
        return waiting

    def _warn(self, event: str, **fields: object) -> None:
        now_s = time.monotonic()
        if now_s - self._warned_at_s.get(event, -WARN_EVERY_S) >= WARN_EVERY_S:
            self._warned_at_s[event] = now_s
            log.warning(event, **fields)


def open_huey(url: str) -> PriorityRedisHuey:
    """Return Huey on the Redis at `url`; it connects when first used.

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
    return PriorityRedisHuey(
        QUEUE_NAME,
        results=False,
        immediate=False,
        serializer=JsonSerializer(),
        connection_pool=pool,
    )
