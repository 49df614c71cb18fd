"""A month of pickups ends with just what a slow and simple model of the contract says.

Pickups are arranged, moved, cancelled and collected, by events that come late, twice or in any
order; nobody looks for what is due for a while, and processes are killed. The clock is the test's,
the store is real. `REMINDERS_EXAMPLES` sets how many months there are (`make test-long`: 400).
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import hypothesis
from hypothesis import HealthCheck, Phase, given
from hypothesis import strategies as st
from tornado.ioloop import IOLoop

from storage.events import StoredEvent
from storage.stores import Stores
from tests.actors.conftest import cipher, clock, database, stores
from tests.support.reminding import Reminding, pickup_at

__all__ = ["cipher", "clock", "database", "stores"]

EXAMPLES = int(os.environ.get("REMINDERS_EXAMPLES", "12"))

MINUTE = timedelta(minutes=1)
BEGINS_AT = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(days=1)
"""Ahead, because the store itself removes schedules that are long past."""

ENDS_AFTER = timedelta(days=3)
A_CLAIM_IS_LEFT = timedelta(seconds=11)

GAPS = (0, 1, 29, 30, 31, 59, 60, 61, 300, 1_379, 1_380, 1_440, 4_000)
AHEAD = (-40, -31, -30, -29, 0, 1, 30, 59, 60, 61, 120, 600, 1_439, 1_440, 1_441, 3_000, 9_000)
"""Minutes: around all that the contract names, and far from it."""


@dataclass(frozen=True, slots=True)
class Step:
    """What happens `gap` minutes after the step before."""

    gap: int
    order: int
    status: str
    ahead: int
    """How far ahead the pickup is scheduled, in minutes."""

    late: int
    """By how many minutes the event is older than when it comes."""

    repeats: int | None
    """Which event before it comes again, instead."""

    is_heard_twice: bool
    """Whether the process that heard it was killed before it had planned anything."""

    is_up: bool
    """Whether anybody looked for what is due since the step before."""

    killed_at: int | None
    """The step at which the process is killed that looks after this."""


STEPS = st.lists(
    st.builds(
        Step,
        gap=st.sampled_from(GAPS),
        order=st.integers(0, 1),
        status=st.sampled_from(["scheduled"] * 4 + ["completed", "cancelled"]),
        ahead=st.sampled_from(AHEAD),
        late=st.sampled_from([0, 0, 0, 1, 45, 2_000, -3]),
        repeats=st.none() | st.integers(0, 20),
        is_heard_twice=st.booleans(),
        is_up=st.sampled_from([True, True, False]),
        killed_at=st.sampled_from([None, None, None, 0, 1, 2, 3]),
    ),
    min_size=1,
    max_size=14,
)


@dataclass(slots=True)
class Order:
    """What is known of one pickup."""

    pickup_time: datetime | None = None
    said_at: datetime | None = None
    status: str = "unknown"
    status_at: datetime | None = None
    announced_at: datetime | None = None

    @property
    def on_at(self) -> datetime | None:
        return self.pickup_time if self.status == "scheduled" else None


@dataclass(slots=True)
class Model:
    """The contract, word by word, asked at every moment at which somebody looks."""

    orders: dict[str, Order] = field(default_factory=dict)
    told: Counter[tuple[str, str, datetime]] = field(default_factory=Counter)
    last_told: dict[tuple[str, str], datetime] = field(default_factory=dict)

    def hear(self, event: StoredEvent) -> None:
        order = self.orders.setdefault(event.data["interaction_id"], Order())
        before = order.on_at
        said = event.data.get("pickup_time")
        if said is not None and (order.said_at is None or event.occurred_at >= order.said_at):
            order.pickup_time = datetime.fromisoformat(said)
            order.said_at = event.occurred_at
        if order.status_at is None or event.occurred_at >= order.status_at:
            order.status = event.type.removeprefix("pickup.")
            order.status_at = event.occurred_at
        if order.on_at is not None and order.on_at != before:
            order.announced_at = event.accepted_at

    def look(self, now: datetime) -> None:
        for name, order in self.orders.items():
            at, announced_at = order.on_at, order.announced_at
            if at is None or announced_at is None:
                continue
            if at - 1_440 * MINUTE <= now < at - 60 * MINUTE:
                self.tell(name, "day", at)
            if at - 60 * MINUTE <= now < at:
                self.tell(name, "hour", at)
            is_ahead = announced_at < at + 30 * MINUTE
            if is_ahead and at + 30 * MINUTE <= now < at + 1_470 * MINUTE:
                self.tell(name, "missed", at)

    def tell(self, name: str, reminder: str, at: datetime) -> None:
        if self.last_told.get((name, reminder)) != at:
            self.last_told[name, reminder] = at
            self.told[name, reminder, at] += 1


class Month:
    """The service and the model, taken through the same steps."""

    def __init__(self, stores: Stores) -> None:
        self.office = Reminding(stores, BEGINS_AT)
        self.model = Model()
        self.names = [uuid4().hex for _ in range(2)]
        self.events: list[StoredEvent] = []
        self.moments: set[datetime] = set()
        """When something may be due."""

    async def take(self, step: Step) -> None:
        until = self.office.clock.at + step.gap * MINUTE
        await self.pass_time(until, is_up=step.is_up)
        event = self.event(step)
        self.events.append(event)
        self.model.hear(event)
        if step.is_heard_twice:
            await self.office.hear_and_die(event)
        await self.office.hear(event)
        if step.is_up:
            await self.look(killed_at=step.killed_at)

    async def pass_time(self, until: datetime, *, is_up: bool) -> None:
        """Let time pass; who is up looks whenever something may be due."""
        if is_up:
            for moment in sorted(self.moments):
                if self.office.clock.at < moment <= until:
                    self.office.clock.at = moment
                    await self.look()
        self.office.clock.at = until

    async def look(self, *, killed_at: int | None = None) -> None:
        now = self.office.clock.at
        await self.office.look(killed_at=killed_at)
        if killed_at is not None:
            self.office.clock.at = now + A_CLAIM_IS_LEFT
            await self.office.look()
            self.office.clock.at = now
        self.model.look(now)

    def event(self, step: Step) -> StoredEvent:
        now = self.office.clock.at
        if step.repeats is not None and self.events:
            again = self.events[step.repeats % len(self.events)]
            return self.office.event(again.type, again.data, occurred_at=again.occurred_at)
        at = now + step.ahead * MINUTE
        name = self.names[step.order]
        data: dict[str, Any] = {"interaction_id": name}
        if step.status == "scheduled":
            data = pickup_at(at, interaction_id=name)
            self.moments |= {at + minutes * MINUTE for minutes in (-1_440, -60, 30)}
        return self.office.event(
            f"pickup.{step.status}", data, occurred_at=now - step.late * MINUTE
        )


@hypothesis.settings(
    max_examples=EXAMPLES,
    derandomize="REMINDERS_EXAMPLES" not in os.environ,
    deadline=None,
    database=None,
    phases=(Phase.explicit, Phase.generate, Phase.shrink),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=STEPS)
def test_a_month_ends_with_just_what_the_contract_says(
    io_loop: IOLoop, stores: Stores, database: Any, steps: list[Step]
) -> None:
    async def live() -> None:
        # What other months left would be due too.
        await database["schedules"].delete_many({})
        month = Month(stores)
        for step in steps:
            await month.take(step)
        end = month.office.clock.at + ENDS_AFTER
        await month.pass_time(max([end, *month.moments]) + MINUTE, is_up=True)
        assert month.office.told.count == month.model.told
        assert month.office.unfinished == []
        assert await stores.schedules.waiting_count() == 0

    io_loop.run_sync(live)
