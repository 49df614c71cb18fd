"""The job queue's face: put ids of deliveries on it.

Each channel has a queue of its own, so that a slow provider holds up nobody but itself. It carries
ids, never the truth: a delivery that the queue refuses, forgets or cannot be told of stays due in
MongoDB, where the sweep finds it.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from enum import IntEnum
from typing import NamedTuple
from uuid import UUID

import redis
import structlog

from rules.kinds import Channel
from tasks.hueys import ChannelHueys, Hueys

log = structlog.get_logger(__name__)

CHUNK_REFS = 100
"""Deliveries a task: a worker settles them by one update."""
MAX_QUEUED_TASKS = 5_000
"""Of a channel: half a million deliveries, about 45 MB of Redis; more is found by the sweep."""
URGENT_TASKS = 500
"""Room for what is critical or recovered on a queue that is full for everything else."""
WARN_EVERY_S = 60.0
AWAY_FOR_S = 1.0
LONGEST_AWAY_FOR_S = 30.0
"""Callers do not wait on a Redis that failed less than this ago; doubled at each failure, so that
one that drops packets costs a fan-out a few seconds in half a minute."""


class Priority(IntEnum):
    """What is taken first of a channel's queue; among equals the oldest is."""

    CAMPAIGN = -5
    """Nobody waits for it, and there may be a hundred thousand of it."""
    USUAL = 0
    RECOVERED = 5
    """A dead worker had it: it is late already."""
    CRITICAL = 10
    """Has a queue of its own beside the channel's, which one thread reads and nothing else."""


EncodedRef = tuple[str, str]
"""Recipient and notification, as who reads the queue of their channel gets them."""
IdPair = tuple[UUID, UUID]
"""The same as it is put there: the serializer writes ids faster than `str` does."""

CarryOut = Callable[[Channel, Sequence[EncodedRef]], None]


class DeliveryRef(NamedTuple):
    """One channel of one notification; the recipient is in it because rows are sharded by them."""

    channel: Channel
    recipient_id: UUID
    notification_id: UUID

    @classmethod
    def decode(cls, channel: Channel, encoded: Sequence[str]) -> DeliveryRef:
        """Return the ref that was put on the queue of `channel`; raises ValueError for another."""
        recipient_id, notification_id = encoded
        return cls(channel, UUID(recipient_id), UUID(notification_id))


class DeliveryQueue:
    """Ids of what workers have to send, channel by channel."""

    def __init__(
        self,
        hueys: Hueys,
        *,
        carry_out: CarryOut | None = None,
        max_queued_tasks: int = MAX_QUEUED_TASKS,
    ) -> None:
        """Take what carries a chunk out in a worker; elsewhere there is none."""
        self._queues = {
            channel: _ChannelQueue(channel, of_channel, carry_out)
            for channel, of_channel in hueys.of.items()
        }
        self._max_queued_tasks = max_queued_tasks
        self._warned_at_s: dict[tuple[str, Channel], float] = {}
        self._away_until_s = 0.0
        self._away_for_s = AWAY_FOR_S

    def enqueue(self, refs: Iterable[DeliveryRef], *, priority: Priority = Priority.USUAL) -> int:
        """Put `refs` on the queues of their channels and return how many they took.

        Fewer than all when one is full or Redis is away, which is no error: the rest stays due.
        Blocks on the network, for at most a few seconds.
        """
        by_channel: defaultdict[Channel, list[IdPair]] = defaultdict(list)
        for ref in refs:
            by_channel[ref.channel].append((ref.recipient_id, ref.notification_id))
        return sum(self._enqueue(channel, pairs, priority) for channel, pairs in by_channel.items())

    @property
    def is_away(self) -> bool:
        """Tell whether Redis failed so recently that nobody should wait for it."""
        return time.monotonic() < self._away_until_s

    def size(self, channel: Channel, *, down_to: Priority = Priority.CAMPAIGN) -> int:
        """Return how many tasks of `channel` wait, of all or those of `down_to` and above.

        Raises redis.RedisError.
        """
        return self._queues[channel].size(down_to)

    def _enqueue(self, channel: Channel, refs: Sequence[IdPair], priority: Priority) -> int:
        if self.is_away:
            return 0
        taken, queue = 0, self._queues[channel]
        try:
            room = self._most(priority) - queue.size(Priority.CAMPAIGN)
            for start in range(0, len(refs), CHUNK_REFS):
                if room <= 0:
                    self._warn("queue_full", channel, left=len(refs) - taken)
                    break
                chunk = refs[start : start + CHUNK_REFS]
                queue.put(chunk, priority)
                taken += len(chunk)
                room -= 1
            self._away_for_s = AWAY_FOR_S
        except redis.RedisError as error:
            self._away_until_s = time.monotonic() + self._away_for_s
            self._away_for_s = min(2 * self._away_for_s, LONGEST_AWAY_FOR_S)
            self._warn("queue_away", channel, error=type(error).__name__, left=len(refs) - taken)
        return taken

    def _most(self, priority: Priority) -> int:
        """Return how full a queue may be for something of that priority."""
        if priority is Priority.CAMPAIGN:
            return self._max_queued_tasks // 2
        return self._max_queued_tasks + (URGENT_TASKS if priority > Priority.USUAL else 0)

    def _warn(self, event: str, channel: Channel, **fields: object) -> None:
        now_s = time.monotonic()
        if now_s - self._warned_at_s.get((event, channel), -WARN_EVERY_S) >= WARN_EVERY_S:
            self._warned_at_s[event, channel] = now_s
            log.warning(event, channel=channel.value, **fields)


class _ChannelQueue:
    """The task `deliver` of one channel."""

    def __init__(self, channel: Channel, hueys: ChannelHueys, carry_out: CarryOut | None) -> None:
        def deliver(chunk: Sequence[EncodedRef]) -> None:
            if carry_out is None:
                raise RuntimeError(f"{len(chunk)} deliveries in a process that only queues them")
            carry_out(channel, chunk)

        # On both, because who reads `usual` carries out what was put on `critical`, too.
        self._usual = hueys.usual.task(name="deliver")(deliver)
        self._critical = hueys.critical.task(name="deliver")(deliver)
        self._hueys = hueys

    def put(self, chunk: Sequence[IdPair], priority: Priority) -> None:
        if priority is Priority.CRITICAL:
            self._hueys.critical.enqueue(self._critical.s(chunk))
        else:
            self._hueys.usual.enqueue(self._usual.s(chunk, priority=priority.value))

    def size(self, down_to: Priority) -> int:
        usual = self._hueys.usual.storage
        # Huey has what goes first lowest (huey 3.5.4, `RedisPriorityQueue.enqueue`).
        waiting: int = usual.conn.zcount(usual.queue_key, "-inf", -down_to.value)
        return waiting + int(self._hueys.critical.pending_count())
