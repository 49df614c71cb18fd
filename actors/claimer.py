"""The actor that finds work nobody is doing and hands it to the lanes of this process.

Such work is: events stored unowned because no lane had room, or put off until later; events of an
incarnation of this process that was killed; events of another process that died; and events that
are this process's own but that a failed lane has forgotten.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from actors.lanes import Lanes
from actors.loop_actor import LoopActor
from rules.lease import Lease
from storage.client import StoreUnavailable
from storage.events import EventsRepository, StoredEvent
from storage.positions import PositionClock
from storage.processes import ProcessesRepository

AT_ONCE = 200
"""Events taken over in one round trip."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Claim:
    """Take what nobody has, as far as the lanes have room."""


@dataclass(frozen=True, slots=True)
class Recover:
    """Take up what is this process's own but in nobody's hand, because a lane failed."""


@dataclass(frozen=True, slots=True)
class TakeOver:
    """Take what this dead incarnation, and those before it, had; then strike it off the list."""

    dead: Lease


class Claimer(LoopActor):
    """Claims work for the lanes."""

    mailbox_limit = 1_000

    def __init__(
        self,
        *,
        events: EventsRepository,
        processes: ProcessesRepository,
        lanes: Lanes,
        clock: PositionClock,
        lease: Lease,
    ) -> None:
        super().__init__()
        self._events = events
        self._processes = processes
        self._lanes = lanes
        self._clock = clock
        self._lease = lease

    async def on_receive(self, message: Any) -> None:
        """Do what is asked; while the store is away it is left to the next time."""
        try:
            match message:
                case Claim():
                    await self._claim()
                case Recover():
                    self._hand(await self._events.held(self._lease))
                case TakeOver():
                    await self._take_over(message.dead)
                case _:
                    raise TypeError(f"the claimer does not take {type(message).__name__}")
        except StoreUnavailable as error:
            log.warning("claim_put_off", reason=error.reason)

    async def _claim(self) -> None:
        for lane in self._lanes.names():
            room = self._lanes.workload(lane).room
            if room > 0:
                claimed = await self._events.claim_unowned(
                    self._lease, lanes=[lane], limit=room, now=self._clock.store_now()
                )
                await self._hand_or_release(claimed)

    async def _take_over(self, dead: Lease) -> None:
        """Take over in bounded steps; what there is no room for goes to whoever has some."""
        taken = AT_ONCE
        while taken == AT_ONCE:
            events = await self._events.claim_from(
                dead.owner, below_epoch=dead.epoch + 1, lease=self._lease, limit=AT_ONCE
            )
            taken = len(events)
            await self._hand_or_release(events)
            if events:
                log.warning("took_over", dead=str(dead), events=taken)
        if dead.owner != self._lease.owner:
            await self._processes.remove(dead)

    async def _hand_or_release(self, events: Sequence[StoredEvent]) -> None:
        """Hand `events` to their lanes; what finds no room, because new ones took it, is nobody's."""
        without_room = self._hand(events)
        if without_room:
            await self._events.release([event.key for event in without_room], self._lease)

    def _hand(self, events: Sequence[StoredEvent]) -> list[StoredEvent]:
        """Hand `events` to their lanes but for those in hand already; return those without room."""
        without_room: list[StoredEvent] = []
        for lane in self._lanes.names():
            workload = self._lanes.workload(lane)
            mine: list[StoredEvent] = []
            for event in events:
                if event.lane != lane or event.key in workload:
                    continue
                (mine if workload.take(event.key) else without_room).append(event)
            if mine:
                self._lanes.hand(lane, mine)
        return without_room
