"""The actor that takes events in: it only stores and assigns, so that it can always accept.

All events that wait in its mailbox are stored by one `insert_many`; when that is acknowledged they
are durable and their senders are answered. Each is owned by this process if its lane has room for
it, and by nobody otherwise.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from actors.asked import Asked
from actors.batch_actor import BatchActor
from actors.lanes import Lanes
from actors.loop_future import LoopFuture
from actors.outcome import Outcomes
from actors.tally import Tally
from rules.events import Lane
from rules.lease import Lease
from storage.events import EventsRepository, NewEvent, StoredEvent
from storage.positions import PositionClock

EVENTS_AT_ONCE = 1_000
"""Events of one insert: what a single request may bring."""


@dataclass(frozen=True, slots=True)
class Accept:
    """Make these events durable and have them carried out. Asked; replies `Accepted`."""

    events: Sequence[NewEvent]


@dataclass(frozen=True, slots=True)
class Accepted:
    """How many events were new and how many were known.

    `outcomes` holds, by lane, the futures of what becomes of the new ones, for those who wait for
    it. An event that no lane here had room for is in none of them: it is found later.
    """

    accepted: int
    duplicates: int
    outcomes: Mapping[Lane, LoopFuture[Outcomes]] = field(default_factory=dict)


class Dispatcher(BatchActor[Accept]):
    """Stores accepted events and assigns them to lanes."""

    mailbox_limit = 1_000
    batch_limit = 200

    def __init__(
        self,
        events: EventsRepository,
        lanes: Lanes,
        clock: PositionClock,
        lease: Lease,
        tally: Tally,
    ) -> None:
        super().__init__()
        self._events = events
        self._lanes = lanes
        self._clock = clock
        self._lease = lease
        self._tally = tally

    async def on_receive_many(self, messages: Sequence[Asked[Accept]]) -> None:
        """Store the events of all `messages` in few inserts and answer each with its own count."""
        for group in _groups(messages):
            await self._accept(group)

    async def _accept(self, group: Sequence[Asked[Accept]]) -> None:
        """Store what is new of `group`, assign it, and answer."""
        first_seen: dict[UUID, NewEvent] = {}
        for asked in group:
            for event in asked.message.events:
                first_seen.setdefault(event.key, event)
        events = [self._with_room(event) for event in first_seen.values()]
        accepted_at = self._clock.store_now()
        new: set[UUID] = set()
        try:
            new = await self._events.accept(events, accepted_at=accepted_at)
        finally:
            self._give_room_back(event for event in events if event.key not in new)
        owned = {event.key: event for event in events if event.lease is not None}
        for asked in group:
            # Each once and in the order in which they came, which a set would lose.
            keys = [key for key in dict.fromkeys(_keys(asked)) if key in new]
            new.difference_update(keys)
            self._tally.events_accepted += len(keys)
            self._tally.events_repeated += len(asked.message.events) - len(keys)
            mine = [owned[key].stored(accepted_at) for key in keys if key in owned]
            asked.reply(
                Accepted(
                    accepted=len(keys),
                    duplicates=len(asked.message.events) - len(keys),
                    outcomes=self._assign(mine),
                )
            )

    def _with_room(self, event: NewEvent) -> NewEvent:
        """Make the event ours if its lane has room for it."""
        has_room = self._lanes.workload(Lane(event.lane)).take(event.key)
        return replace(event, lease=self._lease) if has_room else event

    def _give_room_back(self, events: Iterable[NewEvent]) -> None:
        for event in events:
            if event.lease is not None:
                self._lanes.workload(Lane(event.lane)).let_go([event.key])

    def _assign(self, events: Sequence[StoredEvent]) -> dict[Lane, LoopFuture[Outcomes]]:
        """Hand `events` to their lanes; return the futures of those lanes that took them."""
        by_lane: dict[str, list[StoredEvent]] = defaultdict(list)
        for event in events:
            by_lane[event.lane].append(event)
        outcomes = {}
        for name, share in by_lane.items():
            lane = Lane(name)
            done = self._lanes.hand(lane, share)
            if done is not None:
                outcomes[lane] = done
        return outcomes


def _keys(asked: Asked[Accept]) -> Iterator[UUID]:
    return (event.key for event in asked.message.events)


def _groups(messages: Sequence[Asked[Accept]]) -> Iterator[list[Asked[Accept]]]:
    """Part `messages` into groups of about `EVENTS_AT_ONCE` events."""
    group: list[Asked[Accept]] = []
    events = 0
    for asked in messages:
        if group and events + len(asked.message.events) > EVENTS_AT_ONCE:
            yield group
            group, events = [], 0
        group.append(asked)
        events += len(asked.message.events)
    yield group
