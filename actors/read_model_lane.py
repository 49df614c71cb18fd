"""The lane of single subjects: all waiting events of one read model are one write."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from datetime import timedelta

import structlog

from actors.asked import Asked
from actors.batch_actor import BatchActor
from actors.flows.profiles import ReadModelFlow
from actors.lanes import CarryOut
from actors.workload import Workload
from rules.lease import Lease
from storage.client import StoreUnavailable
from storage.events import EventsRepository, Fenced, StoredEvent
from storage.positions import PositionClock

IN_HAND = 5_000
"""Events owned by one process: five of the largest batches that the API takes."""

ATTEMPTS = 5
RETRY_AFTER = timedelta(seconds=30)

log = structlog.get_logger(__name__)


class ReadModelLane(BatchActor[CarryOut]):
    """Brings read models up to date and answers when they are."""

    mailbox_limit = IN_HAND
    batch_limit = 200

    def __init__(
        self,
        *,
        flows: Mapping[str, ReadModelFlow],
        events: EventsRepository,
        clock: PositionClock,
        lease: Lease,
        workload: Workload,
    ) -> None:
        super().__init__()
        self._flows = flows
        self._events = events
        self._clock = clock
        self._lease = lease
        self._workload = workload

    async def on_receive_many(self, messages: Sequence[Asked[CarryOut]]) -> None:
        """Apply the events of all `messages`, one write a read model."""
        events = [event for asked in messages for event in asked.message.events]
        by_flow: dict[ReadModelFlow, list[StoredEvent]] = {}
        for event in events:
            by_flow.setdefault(self._flows[event.type], []).append(event)
        try:
            for flow, subject in by_flow.items():
                await self._apply(flow, subject)
        finally:
            self._workload.let_go(event.key for event in events)
        for asked in messages:
            asked.reply(None)

    async def _apply(self, flow: ReadModelFlow, events: Sequence[StoredEvent]) -> None:
        """Apply `events` together or, when one of them cannot be, each by itself."""
        try:
            await flow.apply(events)
        except StoreUnavailable:
            raise
        except Exception as error:
            if len(events) == 1:
                await self._put_off(events[0], error)
                return
            for event in events:
                await self._apply(flow, [event])
            return
        await self._events.finish_all(
            [event.key for event in events], self._lease, at=self._clock.store_now()
        )

    async def _put_off(self, event: StoredEvent, error: Exception) -> None:
        """Have the event tried again later, or give it up when it has failed often enough."""
        log.error("event_not_applied", event_key=str(event.key), exc_info=error)
        now = self._clock.store_now()
        with contextlib.suppress(Fenced):
            if event.attempts + 1 >= ATTEMPTS:
                await self._events.fail(event.key, self._lease, error=repr(error), at=now)
            else:
                await self._events.postpone(
                    event.key, self._lease, retry_at=now + RETRY_AFTER, error=repr(error)
                )
