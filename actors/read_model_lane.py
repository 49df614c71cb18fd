"""The lane of single subjects: all waiting events of one read model are one write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import structlog

from actors.asked import Asked
from actors.batch_actor import BatchActor
from actors.flows.profiles import ReadModelFlow
from actors.lanes import CarryOut, UnknownEventType
from actors.retry import Retry
from actors.workload import Workload
from rules.lease import Lease
from storage.client import StoreUnavailable
from storage.events import EventsRepository, StoredEvent
from storage.positions import PositionClock

IN_HAND = 5_000
"""Events owned by one process: five of the largest batches that the API takes."""

PORTION = 200
"""Events of one write: about half a second on the embedded store."""

log = structlog.get_logger(__name__)


class ReadModelLane(BatchActor[CarryOut]):
    """Brings read models up to date and answers when they are, or are left to be found again."""

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
        self._retry = Retry(events, clock, lease)

    async def on_receive_many(self, messages: Sequence[Asked[CarryOut]]) -> None:
        """Apply the events of all `messages`, in portions, so that progress is kept."""
        events = [event for asked in messages for event in asked.message.events]
        try:
            for start in range(0, len(events), PORTION):
                await self._apply_portion(events[start : start + PORTION])
        except StoreUnavailable as error:
            log.warning("read_models_interrupted", reason=error.reason)
        finally:
            self._workload.let_go(event.key for event in events)
        for asked in messages:
            asked.reply(None)

    async def _apply_portion(self, events: Sequence[StoredEvent]) -> None:
        by_flow: dict[ReadModelFlow, list[StoredEvent]] = {}
        for event in events:
            flow = self._flows.get(event.type)
            if flow is None:
                await self._retry.put_off(event, UnknownEventType(event.type))
            else:
                by_flow.setdefault(flow, []).append(event)
        for flow, subject in by_flow.items():
            await self._apply(flow, subject)

    async def _apply(self, flow: ReadModelFlow, events: Sequence[StoredEvent]) -> None:
        """Apply `events` together or, when one of them cannot be, each by itself."""
        try:
            await flow.apply(events)
        except StoreUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 (the boundary of a flow: logged, tried again)
            if len(events) == 1:
                await self._retry.put_off(events[0], error)
                return
            for event in events:
                await self._apply(flow, [event])
            return
        await self._events.finish_all(
            [event.key for event in events], self._lease, at=self._clock.store_now()
        )
