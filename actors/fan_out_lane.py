"""The lane of fan-outs: a bounded number of events at once, each in batches, yielding between.

Order within a batch: insert, deliver, queue (actors/publisher.py), and then the cursor. A process
that is killed leaves the event at its cursor; who takes it over does the batch again, and nothing
comes twice because the ids are the same.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import structlog

from actors.flows.fan_out import FanOut
from actors.lanes import CarryOut, UnknownEventType
from actors.loop_actor import LoopActor
from actors.outcome import Outcomes
from actors.publisher import Publisher
from actors.retry import Retry
from actors.tally import Tally
from actors.workload import Workload
from rules.batching import BatchSizer
from rules.lease import Lease
from storage.client import StoreUnavailable
from storage.events import EventsRepository, Fenced, StoredEvent
from storage.positions import PositionClock

RUNNING_AT_ONCE = 4
"""Fan-outs that share a lane's store client; the others wait in hand."""

IN_HAND = 100
"""Fan-outs owned by one process; more than that stay unowned for whoever has room."""

RETRY_STORE_AFTER_S = (0.5, 1.0, 2.0, 4.0, 4.0, 4.0)
"""Waits while the store is away, after which the event is left to be found again.

Soon, because a batch whose insert ended in doubt may be visible without having been announced.
"""

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Run:
    """An event being carried out, and how far it is."""

    event: StoredEvent
    cursor: int = field(init=False)

    def __post_init__(self) -> None:
        self.cursor = self.event.cursor or 0


class FanOutFlow(Protocol):
    """Says who is told what of one type of event."""

    async def plan(self, event: StoredEvent) -> FanOut | None:
        """Return the fan-out, or None when there is nobody to tell."""


class FanOutLane(LoopActor):
    """Carries out events that concern many.

    `on_room` is called when there is room again after there was none, so that what was stored
    unowned meanwhile can be claimed.
    """

    def __init__(
        self,
        *,
        flows: Mapping[str, FanOutFlow],
        events: EventsRepository,
        publisher: Publisher,
        clock: PositionClock,
        lease: Lease,
        workload: Workload,
        on_room: Callable[[], None],
        tally: Tally,
        store_waits_s: Sequence[float] = RETRY_STORE_AFTER_S,
    ) -> None:
        super().__init__()
        self._flows = flows
        self._events = events
        self._publisher = publisher
        self._clock = clock
        self._lease = lease
        self._workload = workload
        self._retry = Retry(events, clock, lease)
        self._on_room = on_room
        self._tally = tally
        self._store_waits_s = store_waits_s
        self._waiting: deque[StoredEvent] = deque()
        self._running: dict[asyncio.Task[None], StoredEvent] = {}

    def on_receive(self, message: Any) -> Outcomes:
        """Take events in hand; they run as there is room for them."""
        if not isinstance(message, CarryOut):
            raise TypeError(f"a lane does not take {type(message).__name__}")
        self._waiting.extend(message.events)
        self._start_waiting()
        return {}

    async def on_stop(self) -> None:  # type: ignore[override]
        """Break off, and leave what remains to others, from its cursor."""
        left = [event.key for event in (*self._waiting, *self._running.values())]
        self._waiting.clear()
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        self._workload.let_go(left)
        await self._events.release(left, self._lease)

    def _start_waiting(self) -> None:
        while self._waiting and len(self._running) < RUNNING_AT_ONCE:
            event = self._waiting.popleft()
            task = asyncio.create_task(self._run(event), name=f"fan-out {event.key}")
            self._running[task] = event
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        event = self._running.pop(task)
        was_full = self._workload.room <= 0
        self._workload.let_go([event.key])
        self._start_waiting()
        if was_full:
            self._on_room()

    async def _run(self, event: StoredEvent) -> None:
        """Carry `event` out; whatever happens, it is finished or somebody will take it."""
        run = _Run(event)
        try:
            for wait_s in self._store_waits_s:
                try:
                    await self._carry_out(run)
                except StoreUnavailable as error:
                    log.warning("fan_out_waits", event_key=str(event.key), reason=error.reason)
                    await asyncio.sleep(wait_s)
                else:
                    return
        except Fenced:
            log.warning("fan_out_fenced", event_key=str(event.key))
        except Exception as error:  # noqa: BLE001 (the boundary of a flow: logged, tried again)
            await self._retry.put_off(event, error)

    async def _carry_out(self, run: _Run) -> None:
        event = run.event
        flow = self._flows.get(event.type)
        if flow is None:
            raise UnknownEventType(event.type)
        fan_out = await flow.plan(event)
        if fan_out is not None:
            await self._tell(run, fan_out)
        await self._events.finish(event.key, self._lease, at=self._clock.store_now())

    async def _tell(self, run: _Run, fan_out: FanOut) -> None:
        sizer = BatchSizer()
        async for batch in fan_out.audience.batches(sizer, cursor=run.cursor):
            began = time.monotonic()
            notices = await fan_out.notices(run.event, batch.recipients)
            asked_s = time.monotonic() - began
            published = await self._publisher.publish(notices)
            sizer.observe(batch.rows, batch.read_s + asked_s + published.store_s)
            await self._events.advance(run.event.key, self._lease, batch.next_cursor)
            run.cursor = batch.next_cursor
            self._tally.fan_out_batches += 1
            self._tally.fan_out_recipients += len(batch.recipients)
