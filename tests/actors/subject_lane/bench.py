"""A lane of single subjects on its own, given events that are stored as its process's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from actors.directory import Directory
from actors.draft import Draft
from actors.flows.content import Content
from actors.flows.plan import NotYet, Plan, SubjectFlow, Tell
from actors.lanes import CarryOut
from actors.loop_ref import LoopActorRef
from actors.notice import Notice
from actors.outcome import Outcomes
from actors.publisher import OnTold, Published, Publisher
from actors.socket_events import SocketEvents
from actors.subject_lane import SubjectLane
from actors.workload import Workload
from rules.gates import Refusal, Refused
from rules.kinds import KINDS, Channel
from rules.lease import Lease
from storage.client import StoreRefused, StoreUnavailable
from storage.events import EventsRepository, NewEvent, StoredEvent
from storage.names import NameResolver
from storage.positions import PositionClock
from storage.stores import Stores
from tests.storage.samples import NOON, OURS, an_event
from tests.support.actors import RecordingBus, RecordingQueue, UserActors, no_caps

SOON_S = 30.0
TYPE = "review.created"
CONTENT = Content(kind=KINDS["review_received"], title="Review", message="4 stars")


class Flow(SubjectFlow):
    """Plans what the test says, and keeps what it was asked and in which portions."""

    def __init__(self, stores: Stores) -> None:
        self._stores = stores
        self.says: Callable[[StoredEvent], Plan | NotYet] = lambda _: Plan()
        self.planned: list[int] = []
        self.settled: list[UUID] = []
        self.outcomes: Outcomes = {}
        self.rows_when_settled = 0

    async def plan(self, events: Sequence[StoredEvent]) -> Sequence[Plan | NotYet]:
        self.planned.append(len(events))
        return [self.says(event) for event in events]

    async def settle(self, events: Sequence[StoredEvent], outcomes: Outcomes) -> None:
        self.settled += [event.key for event in events]
        self.outcomes = outcomes
        self.rows_when_settled = await self._stores.notifications._rows.count(
            {"event_id": {"$in": [event.key for event in events]}}
        )


class OtherFlow(SubjectFlow):
    """Another flow that plans the same."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow

    async def plan(self, events: Sequence[StoredEvent]) -> Sequence[Plan | NotYet]:
        return await self._flow.plan(events)


class SoonFlow(OtherFlow):
    """One that has who asked hear of rows once they are stored."""

    is_answered_once_told = True


class CountedPublisher:
    """A publisher whose inserts are counted, and which may be away for some of them."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher
        self.batches: list[int] = []
        self.away_for = 0
        self.is_over_cap = False
        self.on_published: Callable[[], None] = lambda: None

    async def publish(self, notices: Sequence[Any], on_told: OnTold | None = None) -> Published:
        if self.away_for:
            self.away_for -= 1
            raise StoreUnavailable("away")
        published = await (
            self._refuse(notices) if self.is_over_cap else self._publisher.publish(notices, on_told)
        )
        self.batches.append(len(published.rows))
        self.on_published()
        return published

    async def _refuse(self, notices: Sequence[Notice]) -> Published:
        """Publish as if every recipient had had the day's worth in the app."""
        drafts = [draft for notice in notices for draft in Draft.all_of(notice, at=NOON)]
        for draft in drafts:
            draft.change({Channel.IN_APP: Refused(Refusal.DAILY_CAP)})
        return await self._publisher.publish_decided(drafts)


class CountedEvents:
    """The events, which keep how many were finished at once, and may be away for that."""

    def __init__(self, events: EventsRepository) -> None:
        self._events = events
        self.finished: list[int] = []
        self.away_for = 0
        self.refuses_for = 0
        self.on_finish: Callable[[], None] = lambda: None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._events, name)

    async def finish_all(self, keys: Sequence[UUID], lease: Lease, **fields: Any) -> None:
        self.on_finish()
        if self.away_for:
            self.away_for -= 1
            raise StoreUnavailable("away")
        if self.refuses_for:
            self.refuses_for -= 1
            raise StoreRefused("no", None)
        await self._events.finish_all(keys, lease, **fields)
        self.finished.append(len(keys))


class Bench:
    """A lane on its own, given events that are stored as ours."""

    def __init__(self, stores: Stores) -> None:
        self.stores = stores
        self.clock = PositionClock()
        self.actors = UserActors(stores)
        self.directory = Directory(self.actors.start)
        self.bus = RecordingBus()
        self.flow = Flow(stores)
        self.publisher = CountedPublisher(
            Publisher(
                notifications=stores.notifications,
                names=NameResolver(stores.users, stores.businesses),
                clock=self.clock,
                directory=self.directory,
                bus=self.bus,
                caps=no_caps(),
                queue=RecordingQueue(),
                writer=str(OURS),
            )
        )
        publisher: Any = self.publisher
        self.events = CountedEvents(stores.events)
        events: Any = self.events
        self.workload = Workload(10_000)
        self.lane: LoopActorRef[SubjectLane] = SubjectLane.start(
            flows={TYPE: self.flow, "other": OtherFlow(self.flow), "soon": SoonFlow(self.flow)},
            events=events,
            users=stores.users,
            publisher=publisher,
            socket_events=SocketEvents(self.directory, RecordingBus()),
            clock=self.clock,
            lease=OURS,
            workload=self.workload,
            store_waits_s=(0.01, 0.01),
        )

    async def stored(self, count: int = 1, **fields: Any) -> list[StoredEvent]:
        """Store events as ours and return them as the dispatcher does."""
        at = self.clock.store_now()
        new: list[NewEvent] = [
            an_event(**{"type": TYPE, "lane": "single", "lease": OURS, **fields})
            for _ in range(count)
        ]
        await self.stores.events.accept(new, accepted_at=at)
        return [event.stored(at) for event in new]

    async def carry_out(self, *events: StoredEvent) -> Outcomes:
        outcomes: Outcomes = await self.lane.request(CarryOut(events), deadline_s=SOON_S)
        return outcomes

    async def at_rest(self) -> None:
        """Return when what was carried out before is finished."""
        await self.carry_out()

    async def states(self, *events: StoredEvent) -> list[str]:
        await self.at_rest()
        found = await self.stores.events._events.find(
            {"_id": {"$in": [event.key for event in events]}}
        )
        rows = {row["_id"]: row for row in found}
        return [
            "unowned" if rows[event.key].get("pending_owner") == "" else rows[event.key]["state"]
            for event in events
        ]


def tell(*user_ids: UUID, **fields: Any) -> Plan:
    return Plan(tells=(Tell(content=CONTENT, recipient_ids=user_ids, **fields),))
