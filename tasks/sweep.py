"""Find what was left half done: follows to repair, deliveries that the queue forgot."""

from __future__ import annotations

import asyncio
import time
from dataclasses import asdict, dataclass
from datetime import timedelta

import redis
import structlog

from rules.kinds import Channel
from storage.client import StoreUnavailable
from storage.positions import PositionClock
from storage.stores import Stores
from tasks.queue import CHUNK_REFS, DeliveryQueue, DeliveryRef
from tasks.runtime import LoopThread

log = structlog.get_logger(__name__)

SWEEP_BUDGET_S = 35.0
SWEEP_DEADLINE_S = 50.0
"""What a batch that began within the budget may take, a store that hangs included."""
PERIOD_S = 60
TURN_KEY = "snb:sweep:turn"
REDELIVER_AFTER = timedelta(seconds=60)
"""A delivery queued now is taken for forgotten when it is still due after this."""
SWEPT_CHANNELS = (Channel.SMS, Channel.PUSH, Channel.EMAIL)
"""The most urgent first, because a full queue ends the sweep."""
DUE_REFS = 5 * CHUNK_REFS
"""Read at once, put off by the hundred: the embedded store takes 4 s for an `$in` of 500."""


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

    def run_in_turn(self, *, turn_s: int = PERIOD_S - 5) -> Swept | None:
        """Sweep, unless a worker did so in its turn less than `turn_s` ago.

        Returns None when it was not this worker's turn. Blocks, like `run`.
        """
        try:
            is_ours = self._turns.set(TURN_KEY, 1, nx=True, ex=turn_s)
        except redis.RedisError as error:
            log.warning("sweep_put_off", error=type(error).__name__)
            return None
        return self.run() if is_ours else None

    def run(self) -> Swept | None:
        """Sweep; for a thread of Huey's to call.

        Returns None when a store is away: then the next sweep finds the same. Sweeps may overlap,
        which costs repeats on the queue and changes nothing twice.
        """
        try:
            swept = self._loop.run(self.sweep(), deadline_s=SWEEP_DEADLINE_S)
        except (StoreUnavailable, redis.RedisError, TimeoutError) as error:
            log.warning("sweep_put_off", error=type(error).__name__)
            return None
        if swept.follows_repaired or swept.deliveries_queued:
            log.info("swept", **asdict(swept))
        return swept

    async def sweep(self) -> Swept:
        """Repair follows, then queue again what is due, for as long as there is time."""
        stop_at_s = time.monotonic() + SWEEP_BUDGET_S
        repaired = await self._stores.following.repair()
        queued = 0
        for channel in SWEPT_CHANNELS:
            queued += await self._queue_due(channel, stop_at_s=stop_at_s)
        return Swept(repaired, queued)

    async def _queue_due(self, channel: Channel, *, stop_at_s: float) -> int:
        """Queue a batch after the other until nothing is due, or workers have enough to do."""
        queued = 0
        while time.monotonic() < stop_at_s:
            if await asyncio.to_thread(self._queue.size) > self._busy_tasks:
                break
            now = self._clock.store_now()
            due = await self._stores.notifications.due(channel.value, before=now, limit=DUE_REFS)
            for start in range(0, len(due), CHUNK_REFS):
                chunk = due[start : start + CHUNK_REFS]
                refs = [
                    DeliveryRef(channel, recipient_id, row_id) for recipient_id, row_id in chunk
                ]
                if not await asyncio.to_thread(self._queue.enqueue, refs):
                    return queued
                # After, not before: a kill in between queues them twice and settles them once.
                await self._stores.notifications.put_off(
                    channel.value, chunk, until=now + REDELIVER_AFTER
                )
                queued += len(chunk)
            if len(due) < DUE_REFS:
                break
        return queued
