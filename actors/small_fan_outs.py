"""Fan-outs to few, told together: those that wait share their look-ups, their insert and their end.

Most businesses have few followers, and then what a fan-out costs is its round trips. Order within a
round: insert, deliver, queue (actors/publisher.py), and then the events are finished, without a
cursor in between: a process that is killed leaves them to be done again, and nothing comes twice
because the ids are the same.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from actors.flows.fan_out import BusinessFlow, FanOutFlow, ToFollowers
from actors.publisher import Publisher
from actors.tally import Tally
from rules.batching import FIRST_ROWS
from rules.lease import Lease
from rules.recipients import Recipient
from rules.slots import SLOTS
from storage.collection import portions
from storage.events import EventsRepository, StoredEvent
from storage.follows import Follower
from storage.positions import PositionClock
from storage.users import UsersRepository

MOST_TOLD = FIRST_ROWS
"""Of one insert, and so of one small fan-out: what a larger one begins with."""

ASKED_AT_ONCE = 10
"""Businesses whose followers are looked for: a query each, since of several in one the embedded
store reads more than all of them ask for."""

TOLD_AT_ONCE = 4
"""Inserts under way: as many as fan-outs that run by themselves have."""


@dataclass(frozen=True, slots=True)
class _Small:
    """A fan-out of which it is known whom it reaches."""

    event: StoredEvent
    fan_out: ToFollowers
    ids: Sequence[UUID]


class SmallFanOuts:
    """Carries out those events whose audience turns out to be small."""

    def __init__(
        self,
        *,
        flows: Mapping[str, FanOutFlow],
        events: EventsRepository,
        users: UsersRepository,
        publisher: Publisher,
        clock: PositionClock,
        lease: Lease,
        tally: Tally,
    ) -> None:
        self._flows = flows
        self._events = events
        self._users = users
        self._publisher = publisher
        self._clock = clock
        self._lease = lease
        self._tally = tally

    def may_take(self, event: StoredEvent) -> bool:
        """Tell whether the event may be one: it was not begun on, and its kind is told together."""
        is_new = event.cursor is None and not event.attempts
        return is_new and isinstance(self._flows.get(event.type), BusinessFlow)

    async def carry_out(self, events: Sequence[StoredEvent]) -> set[UUID]:
        """Carry out the small ones of `events` and return their keys; the others are untouched.

        Whatever it raises, what is left undone can be carried out one by one.
        """
        planned = await self._plan(events)
        done = [event.key for event, fan_out in planned if fan_out is None]
        small = await self._small([(event, each) for event, each in planned if each is not None])
        done += [each.event.key for each in small if not each.ids]
        await self._finish(done)
        for inserts in portions(_inserts(each for each in small if each.ids), TOLD_AT_ONCE):
            async with asyncio.TaskGroup() as tasks:
                for some in inserts:
                    tasks.create_task(self._tell(some))
        return {*done, *(each.event.key for each in small)}

    async def _plan(
        self, events: Sequence[StoredEvent]
    ) -> list[tuple[StoredEvent, ToFollowers | None]]:
        """Ask each flow once for all its events."""
        by_flow: dict[BusinessFlow, list[StoredEvent]] = defaultdict(list)
        for event in events:
            flow = self._flows[event.type]
            assert isinstance(flow, BusinessFlow)
            by_flow[flow].append(event)
        planned: list[tuple[StoredEvent, ToFollowers | None]] = []
        for flow, share in by_flow.items():
            planned += zip(share, await flow.plan_all(share), strict=True)
        return planned

    async def _small(self, planned: Sequence[tuple[StoredEvent, ToFollowers]]) -> list[_Small]:
        """Find the followers of each business, if it is small, and so who is told of each event."""
        audiences = {
            fan_out.audience.business_id: fan_out.audience
            for _, fan_out in planned
            if fan_out.audience.expected <= MOST_TOLD
        }
        follows: dict[UUID, Sequence[Follower]] = {}
        for some in portions(audiences, ASKED_AT_ONCE):
            found = await asyncio.gather(
                *(audiences[each].read(0, SLOTS, limit=MOST_TOLD + 1) for each in some)
            )
            follows |= zip(some, found, strict=True)
        return [
            _Small(event, fan_out, fan_out.audience.ids(rows))
            for event, fan_out in planned
            if (rows := follows.get(fan_out.audience.business_id)) is not None
            and len(rows) <= MOST_TOLD
        ]

    async def _tell(self, some: Sequence[_Small]) -> None:
        known = await self._users.recipients({user_id for each in some for user_id in each.ids})
        notices = [
            notice
            for each in some
            for notice in await each.fan_out.notices(
                each.event,
                [known.get(user_id) or Recipient(user_id=user_id) for user_id in each.ids],
            )
        ]
        await self._publisher.publish(notices)
        await self._finish([each.event.key for each in some])
        self._tally.fan_out_batches += len(some)
        self._tally.fan_out_recipients += sum(len(each.ids) for each in some)

    async def _finish(self, keys: Sequence[UUID]) -> None:
        await self._events.finish_all(keys, self._lease, at=self._clock.store_now())


def _inserts(small: Iterable[_Small]) -> Iterator[list[_Small]]:
    """Part `small` into what is told by one insert each."""
    some: list[_Small] = []
    told = 0
    for each in small:
        if some and told + len(each.ids) > MOST_TOLD:
            yield some
            some, told = [], 0
        some.append(each)
        told += len(each.ids)
    if some:
        yield some
