"""The lane of fan-outs: a bounded number of events at once, each in batches, yielding between.

What may concern few goes through actors/small_fan_outs.py first, many events together, beside those
that run by themselves and without waiting for them. What turns out to concern many comes back.

Order within a batch: insert, deliver, queue (actors/publisher.py), and then the cursor. A process
that is killed leaves the event at its cursor; who takes it over does the batch again, and nothing
comes twice because the ids are the same. A batch that fails is told in halves, down to those who
cannot be told.
"""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from itertools import chain
from typing import Any, TypeAlias
from uuid import UUID

import structlog

from actors.flows.audience import Audience, RecipientBatch, Stretch
from actors.flows.fan_out import Account, FanOut, FanOutFlow, Overtaken, Passed
from actors.lanes import CarryOut, UnknownEventType
from actors.loop_actor import LoopActor
from actors.outcome import Outcomes
from actors.publisher import Publisher
from actors.read_ahead import read_ahead
from actors.retry import Retry, is_last_try
from actors.shares import Shares
from actors.small_fan_outs import SmallFanOuts
from actors.tally import Tally
from actors.telling import tell
from actors.workload import Workload
from rules.batching import BatchSizer
from rules.lease import Lease
from storage.client import StoreUnavailable
from storage.events import EventsRepository, Fenced, StoredEvent
from storage.positions import PositionClock

RUNNING_AT_ONCE = 4
"""Fan-outs that share a lane's store client; the others wait in hand."""

MOST_TOGETHER = 50
"""Small fan-outs carried out together. What comes meanwhile makes the next round larger."""

IN_HAND = 100
"""Fan-outs owned by one process; more than that stay unowned for whoever has room."""

RETRY_STORE_AFTER_S = (0.5, 1.0, 2.0, 4.0, 4.0, 4.0)
"""Waits while the store is away, after which the event is left to be found again.

Soon, because a batch whose insert ended in doubt may be visible without having been announced.
"""

GivenUp: TypeAlias = Callable[[StoredEvent, Exception], Awaitable[None]]
"""Takes note that an event will not be tried again, and why."""

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Run:
    """An event being carried out, and what of it is left to do here."""

    event: StoredEvent
    stretch: Stretch

    @classmethod
    def of(cls, event: StoredEvent) -> _Run:
        """Return the run of all that is left."""
        until = sys.maxsize if event.until is None else event.until
        return cls(event, Stretch(event.cursor or 0, until))


class FanOutLane(LoopActor):
    """Carries out events that concern many.

    `on_room` is called when there is room again after there was none, so that what was stored
    unowned meanwhile can be claimed; `on_given_up` before an event is. All that run tell no more
    than `recipients_per_s` together.
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
        is_alone: Callable[[], bool],
        recipients_per_s: float | None = None,
        on_given_up: GivenUp | None = None,
        small: SmallFanOuts | None = None,
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
        self._is_alone = is_alone
        self._recipients_per_s = recipients_per_s
        self._on_given_up = on_given_up
        self._small = small
        self._store_waits_s = store_waits_s
        self._waiting: deque[StoredEvent] = deque()
        self._running: dict[asyncio.Task[None], StoredEvent] = {}
        self._perhaps_small: deque[StoredEvent] = deque()
        self._together: list[StoredEvent] = []
        self._round: asyncio.Task[set[UUID]] | None = None

    def on_receive(self, message: Any) -> Outcomes:
        """Take events in hand; they run as there is room for them."""
        if not isinstance(message, CarryOut):
            raise TypeError(f"a lane does not take {type(message).__name__}")
        for event in message.events:
            may_be_small = self._small is not None and self._small.may_take(event)
            (self._perhaps_small if may_be_small else self._waiting).append(event)
        self._start_waiting()
        return {}

    async def on_stop(self) -> None:  # type: ignore[override]
        """Break off, and leave what remains to others, from its cursor."""
        left = [
            event.key
            for event in chain(
                self._perhaps_small, self._together, self._waiting, self._running.values()
            )
        ]
        self._perhaps_small.clear()
        self._waiting.clear()
        tasks = [*([] if self._round is None else [self._round]), *self._running]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._workload.let_go(left)
        await self._events.release(left, self._lease)

    def _start_waiting(self) -> None:
        if self.actor_stopped.is_set():
            return
        if self._perhaps_small and self._round is None:
            assert self._small is not None
            fits = min(len(self._perhaps_small), MOST_TOGETHER)
            self._together = [self._perhaps_small.popleft() for _ in range(fits)]
            self._round = asyncio.create_task(
                self._small.carry_out(self._together), name="small fan-outs"
            )
            self._round.add_done_callback(self._ended_together)
        while self._waiting and len(self._running) < RUNNING_AT_ONCE:
            event = self._waiting.popleft()
            task = asyncio.create_task(self._run(event), name=f"fan-out {event.key}")
            self._running[task] = event
            task.add_done_callback(self._ended)

    def _ended_together(self, task: asyncio.Task[set[UUID]]) -> None:
        """Have what is left run by itself: what concerns many, or all where something failed."""
        events, self._together, self._round = self._together, [], None
        if task.cancelled():
            return
        error = task.exception()
        if error is not None:
            log.warning("small_fan_outs_failed", events=len(events), reason=type(error).__name__)
        done = set() if error is not None else task.result()
        self._waiting.extend(event for event in events if event.key not in done)
        self._let_go(done)

    def _ended(self, task: asyncio.Task[None]) -> None:
        event = self._running.pop(task)
        self._let_go([event.key])

    def _let_go(self, keys: Collection[UUID]) -> None:
        """Give back the room of what is finished, and start what waits for it."""
        was_full = self._workload.room <= 0
        self._workload.let_go(keys)
        self._start_waiting()
        if was_full and keys:
            self._on_room()

    async def _run(self, event: StoredEvent) -> None:
        """Carry `event` out; whatever happens, it is finished or somebody will take it."""
        run = _Run.of(event)
        try:
            for wait_s in self._store_waits_s:
                try:
                    await self._carry_out(run)
                except (StoreUnavailable, Overtaken) as error:
                    log.warning("fan_out_waits", event_key=str(event.key), reason=str(error))
                    await asyncio.sleep(wait_s)
                else:
                    return
        except Fenced:
            log.warning("fan_out_fenced", event_key=str(event.key))
        except Exception as error:  # noqa: BLE001 (the boundary of a flow: logged, tried again)
            await self._put_off(event, error)

    async def _put_off(self, event: StoredEvent, error: Exception) -> None:
        """Have the event tried again later; say so first if it is given up instead."""
        if self._on_given_up is not None and is_last_try(event):
            try:
                await self._on_given_up(event, error)
            except StoreUnavailable as interrupted:
                log.warning("event_not_put_off", event_key=str(event.key), cause=str(interrupted))
                return
        await self._retry.put_off(event, error)

    async def _carry_out(self, run: _Run) -> None:
        event = run.event
        flow = self._flows.get(event.type)
        if flow is None:
            raise UnknownEventType(event.type)
        fan_out = await flow.plan(event.whole)
        if fan_out is not None:
            await self._tell(run, fan_out)
        await self._events.finish(event.key, self._lease, at=self._clock.store_now())

    async def _tell(self, run: _Run, fan_out: FanOut) -> None:
        """Tell batch after batch; what is between two of them is when others have their turn."""
        sizer = BatchSizer()
        account = fan_out if isinstance(fan_out, Account) else Account()
        event, stretch = run.event, run.stretch
        stretch.cursor = account.begins_at(stretch.cursor)
        shares = self._shares(run, fan_out)
        async with aclosing(self._batches(fan_out.audience, sizer, stretch)) as batches:
            async for batch in batches:
                if not await account.may_go_on():
                    return
                told = await tell(self._publisher, event.whole, fan_out, batch.recipients)
                sizer.observe(batch.rows, batch.read_s + told.store_s)
                passed = Passed(stretch.cursor, batch.next_cursor, told.rows, told.failed)
                await account.note(passed)
                await self._events.advance(event.key, self._lease, batch.next_cursor)
                stretch.cursor = batch.next_cursor
                self._tally.fan_out_batches += 1
                self._tally.fan_out_recipients += len(batch.recipients)
                if shares is not None:
                    await shares.offer(rows=batch.rows, end=fan_out.audience.end)
                await self._give_way(len(batch.recipients))
        await account.end()

    def _batches(
        self, audience: Audience, sizer: BatchSizer, stretch: Stretch
    ) -> AsyncGenerator[RecipientBatch, None]:
        """Return the batches that are to be told, none read long before its turn."""
        batches = audience.batches(sizer, stretch)
        return batches if self._recipients_per_s is not None else read_ahead(batches)

    def _shares(self, run: _Run, fan_out: FanOut) -> Shares | None:
        """Return what offers shares of the run; who keeps an account of its own tells it alone."""
        if isinstance(fan_out, Account):
            return None
        return Shares(
            run.event,
            run.stretch,
            events=self._events,
            clock=self._clock,
            lease=self._lease,
            is_alone=self._is_alone,
        )

    async def _give_way(self, recipients: int) -> None:
        """Wait until so many more may be told, in equal shares with the others that run."""
        if self._recipients_per_s is not None:
            await asyncio.sleep(recipients * len(self._running) / self._recipients_per_s)
