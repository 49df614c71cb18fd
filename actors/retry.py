"""What becomes of an event whose flow raised: another try later, by anybody, and at last none."""

from __future__ import annotations

from datetime import timedelta

import structlog

from rules.lease import Lease
from storage.client import StoreUnavailable
from storage.events import EventsRepository, Fenced, StoredEvent
from storage.positions import PositionClock

RETRY_AFTER = (
    timedelta(seconds=2),
    timedelta(seconds=10),
    timedelta(minutes=1),
    timedelta(minutes=10),
)
"""After each failure. Soon at first: most often what is missing is an event that came second."""

ATTEMPTS = len(RETRY_AFTER) + 1

log = structlog.get_logger(__name__)


def is_last_try(event: StoredEvent) -> bool:
    """Tell whether the event is given up when it fails this time."""
    return event.attempts + 1 >= ATTEMPTS


class Retry:
    """Puts failed events of one process off."""

    def __init__(self, events: EventsRepository, clock: PositionClock, lease: Lease) -> None:
        self._events = events
        self._clock = clock
        self._lease = lease

    async def put_off(self, event: StoredEvent, error: Exception) -> None:
        """Have the event tried again later, or give it up when it has failed often enough."""
        attempt = event.attempts + 1
        log.error("event_failed", event_key=str(event.key), attempt=attempt, exc_info=error)
        await self._try_later(event, error)

    async def wait(self, event: StoredEvent, cause: Exception) -> None:
        """Do the same with an event that is nobody's fault: what it needs has not come yet."""
        log.info("event_waits", event_key=str(event.key), cause=type(cause).__name__)
        await self._try_later(event, cause)

    async def _try_later(self, event: StoredEvent, error: Exception) -> None:
        """Store the next try. Of the error the name alone is kept: its text may tell of people."""
        now = self._clock.store_now()
        reason = type(error).__name__
        try:
            if is_last_try(event):
                await self._events.fail(event.key, self._lease, error=reason, at=now)
                log.error("event_given_up", event_key=str(event.key), type=event.type, error=reason)
            else:
                retry_at = now + RETRY_AFTER[event.attempts]
                await self._events.postpone(event.key, self._lease, retry_at=retry_at, error=reason)
        except (Fenced, StoreUnavailable) as interrupted:
            log.warning("event_not_put_off", event_key=str(event.key), cause=str(interrupted))
