"""What becomes of an event whose flow raised: another try later, by anybody, and at last none."""

from __future__ import annotations

from datetime import timedelta

import structlog

from rules.lease import Lease
from storage.client import StoreUnavailable
from storage.events import EventsRepository, Fenced, StoredEvent
from storage.positions import PositionClock

ATTEMPTS = 5

RETRY_AFTER = timedelta(seconds=30)

log = structlog.get_logger(__name__)


class Retry:
    """Puts failed events of one process off."""

    def __init__(self, events: EventsRepository, clock: PositionClock, lease: Lease) -> None:
        self._events = events
        self._clock = clock
        self._lease = lease

    async def put_off(self, event: StoredEvent, error: Exception) -> None:
        """Have the event tried again later, or give it up when it has failed often enough.

        The event keeps the name of the error alone: its text may tell of people.
        """
        attempt = event.attempts + 1
        log.error("event_failed", event_key=str(event.key), attempt=attempt, exc_info=error)
        now = self._clock.store_now()
        reason = type(error).__name__
        try:
            if attempt >= ATTEMPTS:
                await self._events.fail(event.key, self._lease, error=reason, at=now)
            else:
                retry_at = now + RETRY_AFTER
                await self._events.postpone(event.key, self._lease, retry_at=retry_at, error=reason)
        except (Fenced, StoreUnavailable) as interrupted:
            log.warning("event_not_put_off", event_key=str(event.key), cause=str(interrupted))
