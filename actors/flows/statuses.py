"""What the flows of changing states have in common: what is no longer so is told to nobody."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from actors.flows.plan import NOTHING, NotYet, Plan, SubjectFlow
from actors.outcome import Outcomes
from storage.events import StoredEvent
from storage.positions import PositionClock
from storage.statuses import StatusesRepository


class StatusFlow(SubjectFlow):
    """Leaves out changes that come after a newer one of the same subject (contract section 3).

    Changes that wait together are told together, whichever came first. When a change occurred is
    kept only after it has been told, so that a kill in between does not silence it.
    """

    def __init__(self, statuses: StatusesRepository, clock: PositionClock) -> None:
        self._statuses = statuses
        self._clock = clock

    async def plan(self, events: Sequence[StoredEvent]) -> Sequence[Plan | NotYet]:
        """Plan the changes that are news."""
        newest = await self._statuses.newest({self.subject(event) for event in events})
        news = [event for event in events if not _is_late(event, newest.get(self.subject(event)))]
        plans = dict(zip((event.key for event in news), await self.plan_news(news), strict=True))
        return [plans.get(event.key, NOTHING) for event in events]

    async def settle(self, events: Sequence[StoredEvent], outcomes: Outcomes) -> None:
        """Keep when the changes occurred."""
        newest: dict[UUID, datetime] = {}
        for event in events:
            key = self.subject(event)
            newest[key] = max(event.occurred_at, newest.get(key, event.occurred_at))
        await self._statuses.record(newest, at=self._clock.store_now())

    @abstractmethod
    def subject(self, event: StoredEvent) -> UUID:
        """Return the key of whose status the event changes."""

    @abstractmethod
    async def plan_news(self, events: Sequence[StoredEvent]) -> Sequence[Plan]:
        """Return what each of `events` leads to, none of which is late."""


def _is_late(event: StoredEvent, newest: datetime | None) -> bool:
    return newest is not None and event.occurred_at < newest
