"""Huey's consumers of one worker: two a channel, so that no channel waits for another's provider.

A thread holds one chunk until all of it has ended or was given back, which takes as long as the
provider does. So `SNB_WORKERS` threads are shared out among the channels, and each channel has one
more for what is critical: a critical chunk is in hand as soon as it is queued, whatever the others
hold, and `Slots` lets it go first. What is critical waits for one answer of the provider at most.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from huey.consumer import Consumer, Scheduler

from rules.kinds import Channel

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from huey import PriorityRedisHuey

    from config.settings import Settings
    from tasks.hueys import Hueys

BUSY_TASKS = 2
"""For each thread: enough that it does not run dry, little enough not to be repeats."""

CRITICAL_THREADS = 1
"""For what is critical alone; the channel's others take it first, too."""

RETRY_S = 2.0
"""How long a thread waits at most before it asks a Redis that was away again."""


def threads_of(settings: Settings) -> dict[Channel, int]:
    """Return how many threads each channel of a worker has beside the one for what is critical."""
    places = {
        Channel.EMAIL: settings.email.concurrency,
        Channel.PUSH: settings.push.concurrency,
        Channel.SMS: settings.sms.concurrency,
    }
    return shared_out(settings.workers, places)


def busy_tasks(threads: Mapping[Channel, int]) -> dict[Channel, int]:
    """Return how many tasks keep the threads of each channel busy."""
    return {channel: BUSY_TASKS * of_channel for channel, of_channel in threads.items()}


def shared_out(threads: int, places: Mapping[Channel, int]) -> dict[Channel, int]:
    """Share `threads` out by what each channel may have with its provider at once; at least one.

    A thread fetches a chunk for the places of its channel, so where there are more of them more
    chunks are of use, and many chunks before few places would only outlive their permits.
    """
    shares = dict.fromkeys(places, 1)
    for _ in range(threads - len(places)):
        # D'Hondt's way of seats: whoever has the most places for each thread gets the next.
        neediest = max(places, key=lambda channel: places[channel] / (shares[channel] + 1))
        shares[neediest] += 1
    return shares


class Consumers:
    """Started and stopped together."""

    def __init__(self, hueys: Hueys, threads: Mapping[Channel, int]) -> None:
        """Take the threads that each channel has beside the one for what is critical."""
        self._consumers = [*_consumers(hueys, threads)]

    def start(self) -> None:
        """Start to take tasks."""
        for consumer in self._consumers:
            consumer.start()

    def check_health(self) -> None:
        """Replace threads that have died."""
        for consumer in self._consumers:
            consumer.check_worker_health()

    def stop(self, *, within_s: float) -> None:
        """Take nothing more, and wait until what was taken has ended."""
        for consumer in self._consumers:
            consumer.stop_flag.set()
        ends_s = time.monotonic() + within_s
        for consumer in self._consumers:
            consumer.shutdown_timeout = max(0.0, ends_s - time.monotonic())
            consumer.stop(graceful=True)


def _consumers(hueys: Hueys, threads: Mapping[Channel, int]) -> Iterable[_Consumer]:
    for channel, of_channel in hueys.of.items():
        yield _consumer(of_channel.critical, CRITICAL_THREADS)
        yield _consumer(of_channel.usual, threads[channel])


def _consumer(huey: PriorityRedisHuey, threads: int) -> _Consumer:
    return _Consumer(huey, workers=threads, periodic=False, max_delay=RETRY_S)


class _NoSchedule(Scheduler):  # type: ignore[misc]
    """Nothing is ever scheduled: what waits does so in the store."""

    def loop(self, now: Any = None) -> None:
        del now
        self.stop_flag.wait()


class _Consumer(Consumer):  # type: ignore[misc]
    """Huey's consumer without a schedule, and without signal handlers: the worker has its own."""

    scheduler_class = _NoSchedule

    def _set_signal_handlers(self) -> None:
        pass
