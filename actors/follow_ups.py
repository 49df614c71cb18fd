"""Events that follow from other events, such as news for followers from a changed business.

They are stored before the event they follow from is finished, under a key that comes out the same
when it is done again; so each is there exactly once, whenever a process is killed. They belong to
nobody, like all that no lane has taken yet, and are claimed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rules.events import lane_of
from rules.ids import event_key
from storage.events import EventsRepository, NewEvent, StoredEvent


@dataclass(frozen=True, slots=True)
class FollowUp:
    """What an event leads to; at most one of a type."""

    source: StoredEvent
    type: str
    data: dict[str, Any]


class FollowUps:
    """Stores events that follow from others. `claim` has unowned events claimed."""

    def __init__(self, events: EventsRepository, claim: Callable[[], None]) -> None:
        self._events = events
        self._claim = claim

    async def store(self, follow_ups: Iterable[FollowUp]) -> None:
        """Make `follow_ups` durable, accepted when what they follow from was."""
        by_acceptance: dict[datetime, list[NewEvent]] = defaultdict(list)
        for each in follow_ups:
            by_acceptance[each.source.accepted_at].append(_event(each))
        for accepted_at, events in by_acceptance.items():
            await self._events.accept(events, accepted_at=accepted_at)

    def hand_over(self) -> None:
        """Have what is stored carried out now, rather than when it is found."""
        self._claim()


def _event(follow_up: FollowUp) -> NewEvent:
    source = follow_up.source
    return NewEvent(
        key=event_key(source.key, follow_up.type),
        sender=source.key,
        event_id=follow_up.type,
        type=follow_up.type,
        occurred_at=source.occurred_at,
        data=follow_up.data,
        lane=lane_of(follow_up.type).value,
    )
