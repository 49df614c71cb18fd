"""What businesses write to their followers: at most some a day, and each an event like any other.

    await business_updates.post(work_id, business, update, timezone=..., at=...)

The day's places are keys of events, made of the business, the date and a number: whoever stores an
event under the key has the place. So the limit is exact whatever runs at once, wherever, and a
place is taken in the very moment in which the update is durable. Errors: `DailyUpdatesSpent`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from actors.dispatcher import Accept, Accepted, Dispatcher
from actors.loop_ref import LoopActorRef
from rules.events import lane_of
from rules.ids import event_key
from rules.local_day import LocalDay
from rules.timezones import zone_of
from storage.businesses import Business
from storage.events import EventsRepository, NewEvent

DAILY_UPDATES = 5
"""Of a business, by the day of whoever posts (contract section 2.1)."""

ACCEPT_DEADLINE_S = 15.0

POSTED = "business_update.posted"


class DailyUpdatesSpent(Exception):
    """The business has posted as many updates as it may in a day."""

    def __init__(self, limit: int, retry_after_s: int) -> None:
        super().__init__(f"{limit} updates have been posted today")
        self.limit = limit
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class Update:
    """What a business says, as its followers get it."""

    title: str
    message: str
    data: dict[str, Any]
    image_url: str | None


class BusinessUpdates:
    """Takes updates in."""

    def __init__(
        self, dispatcher: Callable[[], LoopActorRef[Dispatcher]], events: EventsRepository
    ) -> None:
        self._dispatcher = dispatcher
        self._events = events

    async def post(
        self, work_id: UUID, business: Business, update: Update, *, timezone: str, at: datetime
    ) -> None:
        """Make `update` durable and have it carried out; the same `work_id` is the same update.

        Raises DailyUpdatesSpent, and what the dispatcher raises; the update may be posted all the
        same after StoreUnavailable and DeadlineExceeded.
        """
        today = LocalDay.of(at, zone_of(timezone))
        places = [
            event_key(business.id, f"business_update:{today.date}:{place}")
            for place in range(1, DAILY_UPDATES + 1)
        ]
        taken = await self._events.ids(places)
        if str(work_id) in taken.values():
            return
        for place in places:
            if place not in taken and await self._take(place, work_id, business, update, at):
                return
        raise DailyUpdatesSpent(DAILY_UPDATES, math.ceil((today.ends_at - at).total_seconds()))

    async def _take(
        self, place: UUID, work_id: UUID, business: Business, update: Update, at: datetime
    ) -> bool:
        """Take a place unless somebody was quicker; tell whether it is ours."""
        event = NewEvent(
            key=place,
            sender=business.id,
            event_id=str(work_id),
            type=POSTED,
            occurred_at=at,
            data={"business_id": str(business.id), **asdict(update)},
            lane=lane_of(POSTED).value,
        )
        accepted: Accepted = await self._dispatcher().request(
            Accept([event]), deadline_s=ACCEPT_DEADLINE_S
        )
        # Another try of the same may have been the quicker one.
        return bool(accepted.accepted) or str(work_id) in (await self._events.ids([place])).values()
