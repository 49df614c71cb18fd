"""A dispatcher, a claimer and lanes, with flows that do what a test tells them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest

from actors import shares
from actors.claimer import Claimer
from actors.directory import Directory
from actors.dispatcher import Accept, Accepted, Dispatcher
from actors.fan_out_lane import FanOutLane, GivenUp
from actors.flows.fan_out import FanOut
from actors.flows.plan import ReadModelFlow
from actors.lanes import Lanes
from actors.loop_ref import LoopActorRef
from actors.publisher import Publisher
from actors.socket_events import SocketEvents
from actors.subject_lane import SubjectLane
from actors.supervisor import Supervisor
from actors.tally import Tally
from rules.events import Lane
from rules.lease import Lease
from storage.events import NewEvent, StoredEvent
from storage.names import NameResolver
from storage.positions import PositionClock
from storage.stores import Stores
from tests.storage.samples import an_event
from tests.support.actors import RecordingBus, RecordingQueue, no_caps
from tests.support.world import eventually

SOON_S = 30.0
ATTEMPTS = 5


class Flow(ReadModelFlow):
    """A flow that keeps what it is given, and does what the test says."""

    def __init__(self) -> None:
        self.carried_out: list[UUID] = []
        self.fails: Callable[[StoredEvent], Exception | None] = lambda _: None

    async def apply(self, events: Sequence[StoredEvent]) -> None:
        for event in events:
            if (error := self.fails(event)) is not None:
                raise error
        self.carried_out += [event.key for event in events]


class FanOuts:
    """The same for fan-outs, which reach nobody."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow

    async def plan(self, event: StoredEvent) -> FanOut | None:
        await self._flow.apply([event])
        return None


class Works:
    """The dispatcher, the claimer and the lanes of one process, with a recorded flow."""

    def __init__(self, stores: Stores, lease: Lease) -> None:
        self.stores = stores
        self.lease = lease
        self.clock = PositionClock()
        self.flow = Flow()
        self.fan_outs: Any = FanOuts(self.flow)
        self.directory = Directory(lambda *_, **__: pytest.fail("nobody is connected"))
        self.publisher = Publisher(
            notifications=stores.notifications,
            names=NameResolver(stores.users, stores.businesses),
            clock=self.clock,
            directory=self.directory,
            bus=RecordingBus(),
            caps=no_caps(),
            queue=RecordingQueue(),
            writer=str(lease),
        )
        self.lanes = Lanes()
        self.supervisor = Supervisor()
        self.rooms = 0
        self.is_alone = True
        self.events_of_lanes: Any = stores.events
        self.limit = 1_000
        self.tally = Tally()
        self.recipients_per_s: float | None = None
        self.on_given_up: GivenUp | None = None
        for lane, factory in (
            (Lane.SINGLE, self.start_subjects),
            (Lane.FAN_OUT, partial(self.start_fan_outs, Lane.FAN_OUT)),
            (Lane.SHARE, partial(self.start_fan_outs, Lane.SHARE)),
        ):
            self.lanes.add(lane, partial(self.supervisor.ref, lane))
            self.supervisor.start(lane, factory)
        self.dispatcher = Dispatcher.start(stores.events, self.lanes, self.clock, lease, self.tally)
        self.claimer = Claimer.start(
            events=stores.events,
            processes=stores.processes,
            lanes=self.lanes,
            clock=self.clock,
            lease=lease,
        )

    def start_subjects(self) -> LoopActorRef[Any]:
        return SubjectLane.start(
            flows={"user.updated": self.flow},
            events=self.events_of_lanes,
            users=self.stores.users,
            publisher=self.publisher,
            socket_events=SocketEvents(self.directory, RecordingBus()),
            clock=self.clock,
            lease=self.lease,
            workload=self.lanes.renew(Lane.SINGLE, self.limit),
            store_waits_s=(0.01, 0.01),
        )

    def start_fan_outs(self, lane: Lane) -> LoopActorRef[Any]:
        return FanOutLane.start(
            flows={"listing.created": self.fan_outs},
            events=self.events_of_lanes,
            publisher=self.publisher,
            clock=self.clock,
            lease=self.lease,
            workload=self.lanes.renew(lane, self.limit if lane is Lane.FAN_OUT else shares.IN_HAND),
            on_room=self._count_room,
            tally=self.tally,
            is_alone=lambda: self.is_alone,
            recipients_per_s=self.recipients_per_s,
            on_given_up=self.on_given_up,
            store_waits_s=(0.01, 0.01),
        )

    def _count_room(self) -> None:
        self.rooms += 1

    async def accept(self, *events: NewEvent) -> Accepted:
        accepted = await self.dispatcher.request(Accept(events), deadline_s=SOON_S)
        assert isinstance(accepted, Accepted)
        return accepted

    async def ask_claimer(self, message: object) -> None:
        await self.claimer.request(message, deadline_s=SOON_S)

    async def carried_out(self, *events: NewEvent) -> None:
        async def are_done() -> bool:
            return {event.key for event in events} <= set(self.flow.carried_out)

        await eventually(are_done)

    async def states(self, *events: NewEvent) -> list[str]:
        found = await self.stores.events._events.find(
            {"_id": {"$in": [event.key for event in events]}}, {"state": 1, "pending_owner": 1}
        )
        owners = {row["_id"]: row for row in found}
        return [
            "unowned" if row.get("pending_owner") == "" else row["state"]
            for row in (owners[event.key] for event in events)
        ]

    async def reach(self, state: str, *events: NewEvent) -> None:
        async def have_reached() -> bool:
            return set(await self.states(*events)) == {state}

        await eventually(have_reached)


def fan_out() -> NewEvent:
    return an_event(type="listing.created", lane="fan_out")


def single() -> NewEvent:
    return an_event(type="user.updated", lane="single")


@pytest.fixture
async def works(stores: Stores) -> AsyncIterator[Works]:
    lease = await stores.processes.register(f"here:{uuid4()}", "server")
    made = Works(stores, lease)
    yield made
    await made.dispatcher.stop_and_wait(deadline_s=SOON_S)
    await made.claimer.stop_and_wait(deadline_s=SOON_S)
    await made.supervisor.stop_all(deadline_s=SOON_S)
