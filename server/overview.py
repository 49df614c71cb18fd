"""How sending is, all workers together: what waits, who works, how each channel does."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import redis

from rules.channel_health import ChannelHealth, together
from rules.deliveries import SENDING_CHANNELS
from rules.heartbeats import EXPIRES_AFTER_S
from rules.kinds import Channel
from storage.channel_switches import ChannelSwitch
from storage.jobs import JobRow
from storage.positions import PositionClock
from storage.processes import ProcessRow
from storage.stores import Stores
from tasks.queue import DeliveryQueue


@dataclass(frozen=True, slots=True)
class Worker:
    """A worker, and whether it has shown itself lately."""

    process: ProcessRow
    is_alive: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelOverview:
    """One channel: its switch, what waits, and how it goes; None where no worker tells."""

    switch: ChannelSwitch
    waiting: Mapping[str, int]
    """Status -> how many."""

    health: ChannelHealth | None
    queue_depth: int | None
    """Chunks that no worker has begun; None when the queue is away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """How everything was at one moment."""

    scheduled: int
    channels: Sequence[ChannelOverview]
    workers: Sequence[Worker]
    jobs: Sequence[JobRow]

    @property
    def queue_depth(self) -> int | None:
        """Return how many chunks no worker has begun; None when the queue is away."""
        depths = [channel.queue_depth for channel in self.channels]
        return None if None in depths else sum(depth or 0 for depth in depths)

    def total(self, status: str) -> int:
        """Return how many stand at `status`, on all channels."""
        return sum(channel.waiting.get(status, 0) for channel in self.channels)


class Overview:
    """Asks the store and the queue, side by side."""

    def __init__(self, stores: Stores, queue: DeliveryQueue, clock: PositionClock) -> None:
        self._stores = stores
        self._queue = queue
        self._clock = clock

    async def read(self) -> Snapshot:
        """Return how everything is. Raises StoreUnavailable."""
        stores = self._stores
        (scheduled, switches, processes, jobs), waiting, depths = await asyncio.gather(
            asyncio.gather(
                stores.schedules.waiting_count(),
                stores.channels.all(),
                stores.processes.list(),
                stores.jobs.all(),
            ),
            asyncio.gather(*map(stores.delivery_records.waiting, SENDING_CHANNELS)),
            asyncio.gather(*map(self._depth, SENDING_CHANNELS)),
        )
        workers = [*self._workers(processes)]
        return Snapshot(
            scheduled=scheduled,
            channels=[
                ChannelOverview(
                    switch=switches[channel],
                    waiting=counts,
                    health=together(
                        worker.process.channels[channel]
                        for worker in workers
                        if worker.is_alive and channel in worker.process.channels
                    ),
                    queue_depth=depth,
                )
                for channel, counts, depth in zip(SENDING_CHANNELS, waiting, depths, strict=True)
            ],
            workers=workers,
            jobs=jobs,
        )

    async def _depth(self, channel: Channel) -> int | None:
        try:
            return await asyncio.to_thread(self._queue.size, channel)
        except redis.RedisError:
            return None

    def _workers(self, processes: Sequence[ProcessRow]) -> Iterator[Worker]:
        now = self._clock.store_now()
        for process in processes:
            if process.kind == "worker":
                silent_s = (now - process.beaten_at).total_seconds()
                yield Worker(process, silent_s < EXPIRES_AFTER_S)
