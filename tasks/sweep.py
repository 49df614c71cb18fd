"""Find what was left half done: follows to repair, deliveries that the queue forgot."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta

import redis
import structlog

from rules.kinds import Channel
from storage.client import StoreUnavailable
from storage.positions import PositionClock
from storage.stores import Stores
from tasks.queue import CHUNK_REFS, DeliveryQueue, DeliveryRef
from tasks.runtime import LoopThread

log = structlog.get_logger(__name__)

SWEEP_DEADLINE_S = 50.0
PERIOD_S = 60
TURN_KEY = "snb:sweep:{occasion}"
REDELIVER_AFTER = timedelta(seconds=60)
"""A delivery queued now is taken for forgotten when it is still due after this."""
SWEPT_CHANNELS = (Channel.SMS, Channel.PUSH, Channel.EMAIL)
"""The most urgent first, because a full queue ends the sweep."""
MAX_DUE_A_CHANNEL = 50 * CHUNK_REFS


@dataclass(frozen=True, slots=True)
class Swept:
    """What one sweep found."""

    follows_repaired: int
    deliveries_queued: int


class Sweeper:
    """Runs the sweep, each period in one of all the workers."""

    def __init__(
        self,
        *,
        loop: LoopThread,
        stores: Stores,
        clock: PositionClock,
        queue: DeliveryQueue,
        turns: redis.Redis,
        busy_tasks: int,
    ) -> None:
        self._loop = loop
        self._stores = stores
        self._clock = clock
        self._queue = queue
        self._turns = turns
        self._busy_tasks = busy_tasks

    def run(self, occasion: str, *, turn_s: int) -> Swept | None:
        """Sweep, unless a worker did so for `occasion` less than `turn_s` ago.

        Returns None when it was not this worker's turn, or when a store is away: then the next
        sweep finds the same. Blocks; for a thread of Huey's.
        """
        try:
            if not self._turns.set(TURN_KEY.format(occasion=occasion), 1, nx=True, ex=turn_s):
                return None
            swept = self._loop.run(self.sweep(), deadline_s=SWEEP_DEADLINE_S)
        except (StoreUnavailable, redis.RedisError, TimeoutError) as error:
            log.warning("sweep_put_off", error=type(error).__name__)
            return None
        if swept.follows_repaired or swept.deliveries_queued:
            log.info(
                "swept",
                follows_repaired=swept.follows_repaired,
                deliveries_queued=swept.deliveries_queued,
            )
        return swept

    async def sweep(self) -> Swept:
        """Repair follows, then queue again what is due."""
        repaired = await self._stores.following.repair()
        now = self._clock.store_now()
        queued = 0
        for channel in SWEPT_CHANNELS:
            if await asyncio.to_thread(self._queue.size) > self._busy_tasks:
                # What the workers have to do is there already; more would only be repeats.
                break
            queued += await self._queue_due(channel, now)
        return Swept(repaired, queued)

    async def _queue_due(self, channel: Channel, now: datetime) -> int:
        due = await self._stores.notifications.due(
            channel.value, before=now, limit=MAX_DUE_A_CHANNEL
        )
        refs = [DeliveryRef(channel, recipient_id, row_id) for recipient_id, row_id in due]
        taken = refs[: await asyncio.to_thread(self._queue.enqueue, refs)]
        if taken:
            # After, not before: a kill in between queues them twice, which settles them once.
            await self._stores.notifications.put_off(
                channel.value,
                [(ref.recipient_id, ref.notification_id) for ref in taken],
                until=now + REDELIVER_AFTER,
            )
        return len(taken)
