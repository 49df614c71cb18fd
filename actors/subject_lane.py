"""The lanes of events that concern one subject each: all that wait are carried out together.

Order within a portion: plan, insert, deliver, queue (actors/publisher.py), what flows settle, then
whoever asked is answered, and the events are finished: with those of the portions after it, while
more waits. Who waits for a row alone is answered when it is stored and on its way to everybody who
is connected, and comes again while the queue is told of it. A process that is killed before leaves
them to be done again, and nothing comes twice because the ids are the same. Frames of flows, which
have none, come at most once, and who was told that there will be no notification gets none later:
where there are any, events are finished first.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar
from uuid import UUID

import structlog

from actors.asked import Asked
from actors.askers import Askers
from actors.batch_actor import BatchActor
from actors.flows.plan import NotYet, Plan, SubjectFlow
from actors.lanes import CarryOut, UnknownEventType
from actors.notice import Notice
from actors.outcome import DailyCapReached, Outcome, Outcomes, refusal_of
from actors.publisher import Published, Publisher
from actors.retry import Retry
from actors.socket_events import SocketEvents
from actors.workload import Workload
from rules.lease import Lease
from rules.recipients import Recipient
from storage.client import StoreRefused, StoreUnavailable
from storage.collection import portions
from storage.events import EventsRepository, StoredEvent
from storage.positions import PositionClock
from storage.users import UserNotFound, UsersRepository

IN_HAND = 5_000
"""Events owned by one process: five of the largest batches that the API takes."""

PORTION = 200
"""Events of one round of writes: about half a second on the embedded store."""

FINISHED_AT_ONCE = 50
"""Events by whose number those are finished that were carried out while more waited. One update
takes so many (`IDS_AT_ONCE`), and so many more are done again after a kill, as if they were new."""

RETRY_STORE_AFTER_S = (0.5, 1.0, 2.0)
"""Waits while the store is away, after which the events are left to be found again."""

log = structlog.get_logger(__name__)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Work:
    """The events of a portion with what each leads to; those that have to wait are apart."""

    planned: Sequence[tuple[StoredEvent, Plan]]
    not_yet: Sequence[tuple[StoredEvent, Exception]]
    by_flow: Mapping[SubjectFlow, Sequence[StoredEvent]]


class SubjectLane(BatchActor[CarryOut]):
    """Carries events out, and answers what became of each."""

    mailbox_limit = IN_HAND
    batch_limit = 200

    def __init__(
        self,
        *,
        flows: Mapping[str, SubjectFlow],
        events: EventsRepository,
        users: UsersRepository,
        publisher: Publisher,
        socket_events: SocketEvents,
        clock: PositionClock,
        lease: Lease,
        workload: Workload,
        store_waits_s: Sequence[float] = RETRY_STORE_AFTER_S,
    ) -> None:
        super().__init__()
        self._flows = flows
        self._events = events
        self._users = users
        self._publisher = publisher
        self._socket_events = socket_events
        self._clock = clock
        self._lease = lease
        self._workload = workload
        self._store_waits_s = store_waits_s
        self._retry = Retry(events, clock, lease)
        self._carried_out: dict[UUID, tuple[StoredEvent, str | None]] = {}
        """The events that are still to be finished, each with why it made nothing, if so."""

    async def on_receive_many(self, messages: Sequence[Asked[CarryOut]]) -> None:
        """Carry the events of all `messages` out, in portions, and answer each when it is done."""
        askers = Askers(messages)
        events = [event for asked in messages for event in asked.message.events]
        lane = next((event.lane for event in events), None)
        try:
            for portion in portions(events, PORTION):
                carry_out = partial(self._carry_out, portion, askers)
                askers.hear(await self._outlast_the_store(carry_out, lane))
                if len(self._carried_out) >= FINISHED_AT_ONCE:
                    await self._outlast_the_store(self._finish_or_put_off, lane)
            if not self.mailbox.waiting:
                await self._outlast_the_store(self._finish_or_put_off, lane)
        except StoreUnavailable as error:
            log.warning("lane_interrupted", lane=lane, reason=error.reason)
            self._workload.let_go(self._carried_out)
            self._carried_out.clear()
        finally:
            self._workload.let_go({event.key for event in events} - self._carried_out.keys())
        askers.hear_no_more()

    async def on_stop(self) -> None:  # type: ignore[override]
        """Finish what is carried out."""
        await self._finish()

    async def _outlast_the_store(self, step: Callable[[], Awaitable[T]], lane: str | None) -> T:
        """Do `step`, again after a while when the store is away for a moment."""
        for wait_s in self._store_waits_s:
            try:
                return await step()
            except StoreUnavailable as error:
                log.warning("lane_waits", lane=lane, reason=error.reason)
                await asyncio.sleep(wait_s)
        return await step()

    async def _carry_out(self, events: Sequence[StoredEvent], askers: Askers) -> Outcomes:
        """Carry `events` out together or, when that fails, in halves, down to which one it is."""
        try:
            return await self._carry_out_together(events, askers)
        except StoreUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 (the boundary of a flow: logged, tried again)
            if len(events) == 1:
                await self._retry.put_off(events[0], error)
                return {events[0].key: Outcome(failure=error, is_final=False)}
        middle = len(events) // 2
        first = await self._carry_out(events[:middle], askers)
        return {**first, **await self._carry_out(events[middle:], askers)}

    async def _carry_out_together(self, events: Sequence[StoredEvent], askers: Askers) -> Outcomes:
        work = await self._plan(events)
        soon = {
            event.key
            for flow, share in work.by_flow.items()
            if flow.is_answered_once_told
            for event in share
        }

        def on_told(told: Outcomes) -> None:
            # Who is refused hears of it once the event is finished.
            askers.hear({key: each for key, each in told.items() if each.rows and key in soon})

        outcomes = await self._tell(work.planned, on_told)
        for flow, share in work.by_flow.items():
            await flow.settle(share, outcomes)
        for event, _ in work.planned:
            self._carried_out[event.key] = event, refusal_of(outcomes[event.key].failure)
        shown = [
            each
            for event, plan in work.planned
            if outcomes[event.key].failure is None
            for each in plan.socket_events
        ]
        if shown or any(outcome.failure for outcome in outcomes.values()):
            await self._finish()
            await self._socket_events.send_all(shown)
        for event, cause in work.not_yet:
            await self._retry.wait(event, cause)
            outcomes[event.key] = Outcome(failure=cause, is_final=False)
        return outcomes

    async def _finish(self) -> None:
        """Mark done what is carried out; what a failure leaves is still to be."""
        by_refusal: dict[str | None, list[UUID]] = defaultdict(list)
        for key, (_, refusal) in self._carried_out.items():
            by_refusal[refusal].append(key)
        at = self._clock.store_now()
        for refusal, keys in by_refusal.items():
            await self._events.finish_all(keys, self._lease, at=at, refusal=refusal)
        self._workload.let_go(self._carried_out)
        self._carried_out.clear()

    async def _finish_or_put_off(self) -> None:
        """Finish them, or have them done again later where the store will not have it."""
        try:
            await self._finish()
        except StoreRefused as error:
            for event, _ in self._carried_out.values():
                await self._retry.put_off(event, error)
            self._workload.let_go(self._carried_out)
            self._carried_out.clear()

    async def _plan(self, events: Sequence[StoredEvent]) -> _Work:
        """Ask each flow once for all its events."""
        by_flow: dict[SubjectFlow, list[StoredEvent]] = defaultdict(list)
        not_yet: list[tuple[StoredEvent, Exception]] = []
        for event in events:
            flow = self._flows.get(event.type)
            if flow is None:
                not_yet.append((event, UnknownEventType(event.type)))
            else:
                by_flow[flow].append(event)
        planned: list[tuple[StoredEvent, Plan]] = []
        settling: dict[SubjectFlow, list[StoredEvent]] = defaultdict(list)
        for flow, share in by_flow.items():
            for event, plan in zip(share, await flow.plan(share), strict=True):
                if isinstance(plan, NotYet):
                    not_yet.append((event, plan.cause))
                else:
                    planned.append((event, plan))
                    settling[flow].append(event)
        # What waited together is told in the order in which it happened.
        planned.sort(key=lambda each: each[0].occurred_at)
        return _Work(planned, not_yet, settling)

    async def _tell(
        self, planned: Sequence[tuple[StoredEvent, Plan]], on_told: Callable[[Outcomes], None]
    ) -> dict[UUID, Outcome]:
        """Tell by one look-up and one insert what the plans say."""
        ids = {
            user_id for _, plan in planned for tell in plan.tells for user_id in tell.recipient_ids
        }
        known = await self._users.recipients(ids) if ids else {}
        outcomes: dict[UUID, Outcome] = {}
        notices: list[Notice] = []
        for event, plan in planned:
            unknown = _unknown(plan, known)
            failure = None if unknown is None else UserNotFound(unknown)
            outcomes[event.key] = Outcome(failure=failure)
            if failure is None:
                notices += _notices(event, plan, known)
        told: dict[UUID, Outcome] = {}

        def keep(published: Published) -> None:
            told.update(_by_event(published))
            on_told(told)

        published = await self._publisher.publish(notices, keep)
        return outcomes | (told or _by_event(published))


def _unknown(plan: Plan, known: Mapping[UUID, Recipient]) -> UUID | None:
    """Return somebody of whom the plan says that they have to be known, and who is not."""
    return next(
        (
            user_id
            for tell in plan.tells
            if tell.is_for_known_only
            for user_id in tell.recipient_ids
            if user_id not in known
        ),
        None,
    )


def _notices(event: StoredEvent, plan: Plan, known: Mapping[UUID, Recipient]) -> Iterator[Notice]:
    for tell in plan.tells:
        recipients = [
            known.get(user_id) or Recipient(user_id=user_id) for user_id in tell.recipient_ids
        ]
        yield Notice(
            event=event,
            content=tell.content,
            recipients=recipients,
            channels=tell.channels,
            is_refused_over_cap=tell.is_refused_over_cap,
        )


def _by_event(published: Published) -> dict[UUID, Outcome]:
    outcomes: dict[UUID, Outcome] = {}
    for draft, row in zip(published.drafts, published.rows, strict=True):
        key = draft.notice.event.key
        before = outcomes.get(key, Outcome())
        outcomes[key] = Outcome(
            rows=(*before.rows, row), drafts=(*before.drafts, draft), names=published.names
        )
    for draft in published.refused:
        failure = DailyCapReached(draft.recipient.user_id)
        outcomes[draft.notice.event.key] = Outcome(failure=failure)
    return outcomes
