"""A scheduler on its own, with a clock that tests can move."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from actors.dispatcher import Accept
from actors.due_schedules import MOST_IN_RANGE, CarriedOut, DueSchedules
from actors.loop_actor import LoopActor
from actors.loop_ref import LoopActorRef
from actors.planning import planned_event
from actors.scheduler import Scheduler, Wake
from rules.share import WHOLE, Share
from storage.events import NewEvent
from storage.positions import PositionClock
from storage.schedules import PlannedEvent
from storage.stores import Stores
from tests.support.world import eventually

SOON_S = 30.0
MOMENT = timedelta(seconds=0.2)
LONG_AGO = timedelta(hours=3)
DATA = {"title": "Bread"}


class Clock(PositionClock):
    """A clock that tests can move."""

    ahead = timedelta()

    def store_now(self) -> datetime:
        return super().store_now() + self.ahead


class Desk(LoopActor):
    """A dispatcher that keeps what it is given."""

    mailbox_limit = 10

    def __init__(self) -> None:
        super().__init__()
        self.accepted: list[NewEvent] = []
        self.failure: Exception | None = None

    def on_receive(self, message: Any) -> None:
        assert isinstance(message, Accept)
        if self.failure is not None:
            raise self.failure
        self.accepted += message.events


def keys_of(planned: Iterable[PlannedEvent]) -> set[UUID]:
    return {each.event.key for each in planned}


class Office:
    """A scheduler on its own."""

    def __init__(self, stores: Stores) -> None:
        self.stores = stores
        self.clock = Clock()
        self.desk = Desk()
        self.desk._start_actor_loop()
        self.late_s: list[float] = []
        self.refs: list[LoopActorRef[Scheduler]] = []
        self.share()

    def share(self, *, of: int = MOST_IN_RANGE, share: Share = WHOLE) -> None:
        """Have what is carried out next carried out so many at a time, by a scheduler anew.

        `share` is what it takes before other processes do.
        """
        self.due = DueSchedules(
            self.stores.schedules,
            self.clock,
            note=self.late_s.append,
            most_in_range=of,
            share=lambda: share,
        )
        self.ref = Scheduler.start(self.due, lambda: self.desk.actor_ref, self.clock)
        self.refs.append(self.ref)

    async def plan(
        self,
        *,
        ahead: timedelta = timedelta(),
        at: datetime | None = None,
        is_critical: bool = False,
    ) -> PlannedEvent:
        planned = planned_event(
            "test",
            uuid4().hex,
            type="notification.requested",
            at=at or self.clock.store_now() + ahead,
            version=1,
            data=DATA,
            is_critical=is_critical,
        )
        await self.stores.schedules.plan([planned])
        return planned

    async def wake(self) -> None:
        await self.ref.request(Wake(), deadline_s=SOON_S)

    def sent(self) -> set[UUID]:
        return {event.key for event in self.desk.accepted}

    async def has_sent(self, *planned: PlannedEvent) -> None:
        keys = keys_of(planned)

        async def are_all() -> bool:
            return keys <= self.sent()

        await eventually(are_all)

    async def carry_out(self, by: datetime | None = None, **options: Any) -> CarriedOut:
        """Carry out without the actor what is due by then, by now unless told otherwise."""

        async def accept(events: Sequence[NewEvent]) -> None:
            self.desk.accepted += events

        return await self.due.carry_out(accept, by=by or self.clock.store_now(), **options)
