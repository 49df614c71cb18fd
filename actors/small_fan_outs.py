"""Fan-outs to few, told together: those that wait share their look-ups, their insert and their end.

Most businesses have few followers, and then what a fan-out costs is its round trips. All events are
planned together; then some at a time are told by one insert, for those who follow at that moment.
Order: insert, deliver, queue (actors/publisher.py), and then the events are finished, without a
cursor in between: a process that is killed leaves them to be done again, and nothing comes twice
because the ids are the same.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias
from uuid import UUID

import structlog

from actors.flows.fan_out import BusinessFlow, FanOutFlow, ToFollowers
from actors.notice import Notice
from actors.publisher import Publisher
from actors.tally import Tally
from rules.batching import FIRST_ROWS
from rules.lease import Lease
from rules.recipients import Recipient
from rules.slots import SLOTS
from storage.collection import portions
from storage.events import EventsRepository, StoredEvent
from storage.positions import PositionClock
from storage.users import UsersRepository

MOST_TOLD = FIRST_ROWS
"""Of one insert, and so of one small fan-out: what a larger one begins with."""

TOLD_AT_ONCE = 4
"""Inserts under way: as many as fan-outs that run by themselves have."""

ASKED_AT_ONCE = 10
"""Businesses whose followers are looked for: a query each, since of several in one the embedded
store reads more than all of them ask for."""

log = structlog.get_logger(__name__)

Planned: TypeAlias = tuple[StoredEvent, ToFollowers]


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
        """Tell whether the event may be one: new, whole, and of a kind that is told together."""
        is_new = event.cursor is None and event.until is None and not event.attempts
        return is_new and isinstance(self._flows.get(event.type), BusinessFlow)

    async def carry_out(self, events: Sequence[StoredEvent]) -> set[UUID]:
        """Carry out the small ones of `events` and return their keys; the others are untouched.

        Where something fails the rest is left. That, and all if it raises, can be carried out one
        by one.
        """
        planned = await self._plan(events)
        done = {event.key for event, fan_out in planned if fan_out is None}
        await self._finish(done)
        small = ((event, each) for event, each in planned if each is not None and _is_small(each))
        for inserts in portions(_inserts(small), TOLD_AT_ONCE):
            told = await asyncio.gather(*map(self._tell, inserts), return_exceptions=True)
            failed = [type(each).__name__ for each in told if isinstance(each, BaseException)]
            done.update(*(each for each in told if not isinstance(each, BaseException)))
            if failed:
                log.warning("small_fan_outs_failed", reasons=failed)
                break
        return done

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

    async def _tell(self, some: Sequence[Planned]) -> set[UUID]:
        """Tell those of `some` that are as small as they were said to be; return their keys."""
        ids = await self._followers(some)
        wanted = {user_id for each in ids.values() for user_id in each}
        known = await self._users.recipients(wanted) if wanted else {}
        notices: list[Notice] = []
        for event, fan_out in some:
            recipients = [
                known.get(each) or Recipient(user_id=each) for each in ids.get(event.key, ())
            ]
            if recipients:
                notices += await fan_out.notices(event, recipients)
        await self._publisher.publish(notices)
        await self._finish(ids.keys())
        self._tally.fan_out_batches += len(notices)
        self._tally.fan_out_recipients += sum(map(len, ids.values()))
        return set(ids)

    async def _followers(self, some: Sequence[Planned]) -> dict[UUID, list[UUID]]:
        """Return by event key whom it concerns; what one insert cannot take as well is left out."""
        audiences = {fan_out.audience.business_id: fan_out.audience for _, fan_out in some}
        found = [
            rows
            for each in portions(audiences.values(), ASKED_AT_ONCE)
            for rows in await asyncio.gather(
                *(audience.read(0, SLOTS, limit=MOST_TOLD + 1) for audience in each)
            )
        ]
        follows = dict(zip(audiences, found, strict=True))
        ids: dict[UUID, list[UUID]] = {}
        room = MOST_TOLD
        for event, fan_out in some:
            rows = follows[fan_out.audience.business_id]
            if len(rows) <= room:
                ids[event.key] = fan_out.audience.ids(rows)
                room -= len(rows)
        return ids

    async def _finish(self, keys: Collection[UUID]) -> None:
        await self._events.finish_all(keys, self._lease, at=self._clock.store_now())


def _is_small(fan_out: ToFollowers) -> bool:
    return fan_out.audience.expected <= MOST_TOLD


def _inserts(small: Iterable[Planned]) -> Iterator[list[Planned]]:
    """Part `small` into what is told by one insert each."""
    some: list[Planned] = []
    expected = 0
    for event, fan_out in small:
        expected += fan_out.audience.expected
        if some and expected > MOST_TOLD:
            yield some
            some, expected = [], fan_out.audience.expected
        some.append((event, fan_out))
    if some:
        yield some
