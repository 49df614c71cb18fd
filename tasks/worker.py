"""The worker program: Huey's consumers on threads, over one event loop for everything that waits.

Starts in this order and stops in reverse: loop, stores, lease, queues, jobs, consumers. Told to
stop by SIGTERM or SIGINT it waits for what is with a provider and gives everything else back.
"""

from __future__ import annotations

import asyncio
import gc
import signal
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, TypeVar

import redis
import structlog

from config.settings import Settings
from rules.kinds import Channel
from rules.lease import Lease
from storage.client import (
    StoreRefused,
    StoreUnavailable,
)
from storage.image_objects import ImageObjects
from storage.image_opening import open_image_objects
from storage.names import NameResolver
from storage.processes import ProcessesRepository, Superseded
from tasks.archives.opening import open_archive
from tasks.cap_check import CapCheck
from tasks.channels.opening import close_outlets, open_outlets
from tasks.consumers import Consumers, busy_tasks, threads_of
from tasks.dead_addresses import DeadAddresses
from tasks.delivery import Deliverer
from tasks.delivery_task import deliver_on
from tasks.due import DueDeliveries
from tasks.emails.press import Press
from tasks.emails.stored import StoredTemplates
from tasks.emails.templates import FileTemplates
from tasks.hueys import Hueys, open_hueys
from tasks.jobs import worker_jobs
from tasks.liveness import Liveness
from tasks.news import News
from tasks.outlet import Outlet
from tasks.pauses import Pauses
from tasks.preparation import Preparation
from tasks.queue import DeliveryQueue
from tasks.rounds import Rounds
from tasks.runtime import LoopThread
from tasks.worker_lease import WorkerLease
from tasks.worker_store import INDEXED_WITHIN_S, WorkerStore

T = TypeVar("T")

log = structlog.get_logger(__name__)

STORE_DEADLINE_S = 10.0
JOIN_DEADLINE_S = 3.0
BEAT_EVERY_S = 10.0
HEALTH_EVERY_S = 10.0
FINISH_DEADLINE_S = 20.0
COLLECTED_AFTER = (20_000, 10, 10)
"""Containers that are new, and so on: what deliveries leave refers to itself nowhere, and by the
interpreter's 700 a twelfth of what a push cost was the garbage collector's."""
FIRST_RETRY_S = 0.25
MAX_RETRY_S = 5.0


def run_worker(settings: Settings) -> int:
    """Work until told to stop, and return the exit status.

    A MongoDB or Redis that is away at the start is waited for. The status is 1 when another
    worker took this one's place.
    """
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    with ExitStack() as stack:
        loop = LoopThread("storage")
        loop.start()
        stack.callback(loop.stop)
        store = loop.run(WorkerStore.open(settings), deadline_s=STORE_DEADLINE_S)
        # Jobs ask the store until they are cancelled.
        loop.close_last(store.client.aclose)
        stack.callback(lambda: loop.run(store.redis.close(), deadline_s=STORE_DEADLINE_S))
        has_built = _once_there(
            "mongodb", lambda: loop.run(store.index(stop), deadline_s=INDEXED_WITHIN_S), stop
        )
        if not has_built:
            return 0
        instance = f"{settings.instance}/worker"
        lease = _once_there(
            "mongodb", lambda: loop.run(store.join(instance), deadline_s=JOIN_DEADLINE_S), stop
        )
        if lease is None:
            return 0
        stack.callback(_leave, loop, store.stores.processes, lease)
        hueys = open_hueys(settings.queue_redis_url or "")
        stack.callback(hueys.close)
        if _once_there("redis", hueys.redis.ping, stop) is None:
            return 0
        renderer = loop.run(_renderer(store, settings), deadline_s=STORE_DEADLINE_S)
        stack.callback(lambda: loop.run(renderer.close(), deadline_s=STORE_DEADLINE_S))
        outlets = open_outlets(settings, renderer)
        stack.callback(lambda: loop.run(close_outlets(outlets), deadline_s=STORE_DEADLINE_S))
        objects = open_image_objects(settings)
        stack.callback(lambda: loop.run(objects.close(), deadline_s=STORE_DEADLINE_S))
        worker = Worker(
            loop=loop,
            store=store,
            hueys=hueys,
            outlets=outlets,
            objects=objects,
            lease=lease,
            settings=settings,
        )
        _collect_seldom(stack)
        return worker.run(stop)


async def _renderer(store: WorkerStore, settings: Settings) -> StoredTemplates:
    """Build what makes mails on the running loop, which its press is then bound to."""
    press = Press(most_waiting=settings.email.concurrency)
    shipped = FileTemplates(settings.public_url)
    return StoredTemplates(shipped, store.stores.templates, press, settings.public_url)


class Worker:
    """A consumer a queue, with their heartbeat and their share of the jobs done by the clock."""

    def __init__(
        self,
        *,
        loop: LoopThread,
        store: WorkerStore,
        hueys: Hueys,
        outlets: dict[Channel, Outlet[Any]],
        objects: ImageObjects,
        lease: Lease,
        settings: Settings,
    ) -> None:
        stores = store.stores
        caps = CapCheck(settings.daily_caps, store.caps(), stores.deliveries)
        self._loop = loop
        self._store = store
        self._outlets = outlets
        self._lease = WorkerLease(lease)
        self._liveness = Liveness()
        self._is_superseded = False
        pauses = Pauses(stores.channels)
        deliverer = Deliverer(
            deliveries=stores.deliveries,
            preparation=Preparation(
                contacts=stores.contacts,
                reachability=stores.reachability,
                deliveries=stores.deliveries,
                names=NameResolver(stores.users, stores.businesses),
                caps=caps,
                news=News(stores.pickups, stores.listings),
            ),
            outlets=outlets,
            pauses=pauses,
            dead_addresses=DeadAddresses(stores.reachability, stores.devices),
            caps=caps,
            lease=self._lease,
            clock=store.clock,
        )
        threads = threads_of(settings)
        due = DueDeliveries(
            unsent=stores.unsent,
            deliveries=stores.deliveries,
            queue=DeliveryQueue(hueys, carry_out=deliver_on(loop, deliverer)),
            pauses=pauses,
            liveness=self._liveness,
            clock=store.clock,
            busy_tasks=busy_tasks(threads),
            send_here=deliverer.carry_out,
        )
        self._jobs = worker_jobs(stores, store.clock, due, open_archive(settings.archive), objects)
        self._rounds = Rounds(stores.jobs, store.clock)
        self._consumers = Consumers(hueys, threads)

    def run(self, stop: threading.Event) -> int:
        """Work until `stop` is set or another takes this worker's place."""
        self._loop.spawn(self._beat(stop))
        for job in self._jobs:
            self._loop.spawn(self._rounds.go(job))
        self._consumers.start()
        lease = self._lease.lease
        log.info("worker_ready", instance=lease.owner, epoch=lease.epoch)
        while not stop.wait(HEALTH_EVERY_S):
            self._consumers.check_health()
        log.info("worker_stopping", instance=lease.owner)
        self._lease.end_permits()
        self._consumers.stop(within_s=FINISH_DEADLINE_S)
        return 1 if self._is_superseded else 0

    async def _beat(self, stop: threading.Event) -> None:
        processes = self._store.stores.processes
        while True:
            begun_at_s = time.monotonic()
            try:
                health = {channel.value: each.health() for channel, each in self._outlets.items()}
                await processes.beat(self._lease.lease, health)
                self._lease.note_beat(begun_at_s)
                self._liveness.observe(await processes.list())
                await self._store.clock.measure(self._store.database)
            except (StoreUnavailable, StoreRefused) as error:
                self._liveness.lose_sight()
                log.warning("heartbeat_missed", error=str(error))
            except Superseded:
                lease = self._lease.lease
                log.warning("superseded", instance=lease.owner, epoch=lease.epoch)
                self._is_superseded = True
                stop.set()
                return
            await asyncio.sleep(BEAT_EVERY_S)


def _collect_seldom(stack: ExitStack) -> None:
    """Have garbage looked for less often, and never among what the worker is made of."""
    stack.callback(gc.set_threshold, *gc.get_threshold())
    stack.callback(gc.unfreeze)
    gc.set_threshold(*COLLECTED_AFTER)
    gc.collect()
    gc.freeze()


def _once_there(name: str, reach: Callable[[], T], stop: threading.Event) -> T | None:
    """Return what `reach` returns as soon as `name` answers, or None when told to stop before."""
    delay_s = FIRST_RETRY_S
    while not stop.is_set():
        try:
            return reach()
        except (StoreUnavailable, redis.RedisError, TimeoutError) as error:
            log.warning("waiting_for", store=name, error=type(error).__name__, retry_s=delay_s)
        stop.wait(delay_s)
        delay_s = min(2 * delay_s, MAX_RETRY_S)
    return None


def _leave(loop: LoopThread, processes: ProcessesRepository, lease: Lease) -> None:
    try:
        loop.run(processes.remove(lease), deadline_s=STORE_DEADLINE_S)
    except (StoreUnavailable, TimeoutError) as error:
        # The others see the heartbeat stop.
        log.warning("left_without_a_word", error=type(error).__name__)
