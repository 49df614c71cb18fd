"""Hand events to the lane that carries them out.

Shared by the dispatcher, which has just stored them, and the claimer, which found them in the
store. What no lane here has room for is nobody's, and stays in MongoDB.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pykka import ActorDeadError

from actors.loop_future import LoopFuture
from actors.loop_ref import LoopActorRef
from actors.mailbox import MailboxFull
from actors.outcome import Outcomes
from actors.supervisor import ActorRestarting
from actors.workload import Workload
from rules.events import Lane
from storage.events import StoredEvent


class UnknownEventType(LookupError):
    """No flow of this version knows the type: another version stored the event."""

    def __init__(self, event_type: str) -> None:
        super().__init__(f"no flow for {event_type}")
        self.event_type = event_type


@dataclass(frozen=True, slots=True)
class CarryOut:
    """Do what these events lead to. Asked; replies `Outcomes`.

    The lane of fan-outs replies at once, with none: what it does takes minutes.
    """

    events: Sequence[StoredEvent]


@dataclass(slots=True)
class _Place:
    ref: Callable[[], LoopActorRef[Any]]
    workload: Workload


class Lanes:
    """The lanes of this process, by name."""

    def __init__(self) -> None:
        self._places: dict[Lane, _Place] = {}

    def add(self, lane: Lane, ref: Callable[[], LoopActorRef[Any]]) -> None:
        """Add a lane; `ref` gives its actor of the moment."""
        self._places[lane] = _Place(ref, Workload(limit=0))

    def renew(self, lane: Lane, limit: int) -> Workload:
        """Give `lane`, whose actor is starting anew, an empty workload; the old one is forgotten.

        What the failed actor had in hand is still this process's in the store, and is found there.
        """
        self._places[lane].workload = Workload(limit)
        return self._places[lane].workload

    def names(self) -> list[Lane]:
        """Return the lanes there are."""
        return list(self._places)

    def workload(self, lane: Lane) -> Workload:
        """Return what `lane` has in hand."""
        return self._places[lane].workload

    def hand(self, lane: Lane, events: Sequence[StoredEvent]) -> LoopFuture[Outcomes] | None:
        """Have `lane` carry out `events`, whose room was taken before.

        Return the future of what becomes of them, or None when the lane cannot take them just now:
        their room is given back, and the claimer finds them among what this process owns.
        """
        place = self._places[lane]
        try:
            done: LoopFuture[Outcomes] = place.ref().ask(CarryOut(events), block=False)
        except (ActorRestarting, ActorDeadError, MailboxFull):
            place.workload.let_go(event.key for event in events)
            return None
        return done
