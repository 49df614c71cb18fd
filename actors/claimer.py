"""The actor that finds work nobody is doing and hands it to the lanes of this process.

Such work is: events stored unowned because no lane had room, or put off until later; events of an
incarnation of this process that was killed; events of another process that died; and events that
are this process's own but that a failed lane has forgotten.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog

from actors.lanes import Lanes
from actors.loop_actor import LoopActor
from actors.shares import OFFERED_FOR
from rules.events import Lane
from rules.lease import Lease
from storage.client import StoreUnavailable
from storage.events import EventsRepository, StoredEvent
from storage.positions import PositionClock
from storage.processes import ProcessesRepository

AT_ONCE = 200
"""Events taken over in one round trip."""

MOST_TAKEOVERS = 50
"""Far more restarts than an event meets by chance: a fan-out is done in minutes."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Claim:
    """Take what nobody has, as far as the lanes have room."""

    lane: Lane | None = None
    """Of which alone, where that is known; each that is looked at costs a query."""


@dataclass(frozen=True, slots=True)
class Help:
    """Take a share of what others tell many, where nothing of the kind is done here."""


@dataclass(frozen=True, slots=True)
class Recover:
    """Take up what is this process's own and in nobody's hand, as after a failure of a lane."""


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
                case Claim(lane):
                    await self._claim(self._lanes.names() if lane is None else [lane])
                case Help():
                    if not self._lanes.workload(Lane.FAN_OUT):
                        await self._claim([Lane.SHARE], ahead=OFFERED_FOR)
                case Recover():
                    await self._recover()
                case TakeOver():
                    await self._take_over(message.dead)
                case _:
                    raise TypeError(f"the claimer does not take {type(message).__name__}")
        except StoreUnavailable as error:
            log.warning("claim_put_off", reason=error.reason)

    async def _claim(self, lanes: Sequence[Lane], *, ahead: timedelta = timedelta(0)) -> None:
        """Claim what of `lanes` may be taken, now or by so much later."""
        now = self._clock.store_now() + ahead
        for lane in lanes:
            room = self._lanes.workload(lane).room
            if room > 0:
                claimed = await self._events.claim_unowned(
                    self._lease, lanes=[lane], limit=room, now=now
                )
                await self._hand_or_release(claimed)

    async def _recover(self) -> None:
        """Take up what is ours but in nobody's hand, of this incarnation and those before it."""
        in_hand = {key for lane in self._lanes.names() for key in self._lanes.workload(lane).keys}
        held = await self._events.held(self._lease)
        # What was in hand before the store was read may be finished by now.
        await self._hand_or_release([event for event in held if event.key not in in_hand])
        await self._claim_all(Lease(self._lease.owner, self._lease.epoch - 1))

    async def _take_over(self, dead: Lease) -> None:
        await self._claim_all(dead)
        if dead.owner != self._lease.owner:
            await self._processes.remove(dead)

    async def _claim_all(self, dead: Lease) -> None:
        """Claim in bounded steps all that `dead` had, beside whoever else is doing so."""
        below_epoch = dead.epoch + 1
        while await self._events.has_pending(dead.owner, below_epoch=below_epoch):
            events = await self._events.claim_from(
                dead.owner, below_epoch=below_epoch, lease=self._lease, limit=AT_ONCE
            )
            if events:
                log.warning("took_over", dead=str(dead), events=len(events))
            await self._hand_or_release(
                [event for event in events if not await self._is_given_up(event)]
            )

    async def _is_given_up(self, event: StoredEvent) -> bool:
        """Give an event up that has outlived too many of its owners: it may be what kills them."""
        if event.takeovers <= MOST_TAKEOVERS:
            return False
        log.error("event_given_up", event_key=str(event.key), takeovers=event.takeovers)
        await self._events.fail(
            event.key, self._lease, error="its owners died", at=self._clock.store_now()
        )
        return True

    async def _hand_or_release(self, events: Sequence[StoredEvent]) -> None:
        """Hand `events` to their lanes; what finds no room or no lane is nobody's again."""
        without_room = self._hand(events)
        if without_room:
            await self._events.release([event.key for event in without_room], self._lease)

    def _hand(self, events: Sequence[StoredEvent]) -> list[StoredEvent]:
        """Hand `events` to their lanes but for those in hand already; return what was not taken."""
        taken: dict[Lane, list[StoredEvent]] = {lane: [] for lane in self._lanes.names()}
        left: list[StoredEvent] = []
        for event in events:
            lane = Lane(event.lane) if event.lane in taken else None
            if lane is None:
                left.append(event)
            elif event.key not in self._lanes.workload(lane):
                fits = self._lanes.workload(lane).take(event.key)
                (taken[lane] if fits else left).append(event)
        for lane, mine in taken.items():
            if mine:
                self._lanes.hand(lane, mine)
        return left
