"""What businesses write to their followers: at most some a day, and each an event like any other.

    posted = await business_updates.post(business, update, timezone)

The day's places are ids of events, `business_update:<date>:<place>`: whoever stores an event under
the id has the place. So the limit is exact whatever runs at once, wherever, and a place is taken in
the very moment in which the update is durable. Errors: `DailyUpdatesSpent`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from actors.dispatcher import Accept, Accepted, Dispatcher
from actors.loop_ref import LoopActorRef
from rules.events import LANE_OF_EVENT
from rules.ids import event_key
from rules.local_day import LocalDay
from rules.timezones import zone_of
from storage.businesses import Business
from storage.events import NewEvent
from storage.positions import PositionClock

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
        self, dispatcher: Callable[[], LoopActorRef[Dispatcher]], clock: PositionClock
    ) -> None:
        self._dispatcher = dispatcher
        self._clock = clock

    async def post(self, business: Business, update: Update, timezone: str) -> None:
        """Make `update` durable and have it carried out.

        Raises DailyUpdatesSpent, and what the dispatcher raises; the update may be posted all the
        same after StoreUnavailable and DeadlineExceeded.
        """
        now = self._clock.store_now()
        today = LocalDay.of(now, zone_of(timezone))
        for place in range(1, DAILY_UPDATES + 1):
            event_id = f"business_update:{today.date}:{place}"
            event = NewEvent(
                key=event_key(business.id, event_id),
                sender=business.id,
                event_id=event_id,
                type=POSTED,
                occurred_at=now,
                data={
                    "business_id": str(business.id),
                    "title": update.title,
                    "message": update.message,
                    "data": update.data,
                    "image_url": update.image_url,
                },
                lane=LANE_OF_EVENT[POSTED].value,
            )
            accepted: Accepted = await self._dispatcher().request(
                Accept([event]), deadline_s=ACCEPT_DEADLINE_S
            )
            if accepted.accepted:
                return
        raise DailyUpdatesSpent(DAILY_UPDATES, math.ceil((today.ends_at - now).total_seconds()))
