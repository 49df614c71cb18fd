"""Events in: `POST /api/internal/events/` (contract section 3)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from rules.events import Lane
from server.auth import UserType
from server.errors import ValidationFailed
from server.handlers.base import ApiHandler
from server.images import ImageRefused
from server.intake import accept
from server.operation import Operation
from server.schemas.event_bodies import BODIES, Taken
from server.schemas.events import Event, load_events

EVENTS_BODY_LIMIT_BYTES = 8 << 20

APPLIED_WITHIN_S = 0.5
"""How long the answer waits for read models, so that callers usually read their own writes."""


class EventsHandler(ApiHandler):
    """Takes what happened on the platform; 202 says that it is durable."""

    roles = {"POST": frozenset({UserType.SERVICE, UserType.ADMIN})}
    operations = {"POST": Operation(body=BODIES, answers={202: Taken})}
    body_limit_bytes = EVENTS_BODY_LIMIT_BYTES

    async def post(self) -> None:
        """Accept one event or a batch, all or nothing."""
        body = self.raw_json()
        events = await load_events(body)
        await self._admit_images(events, is_batch="events" in body)
        accepted = await accept(self.service.dispatcher, self.principal.user_id, events)
        applied = accepted.outcomes.get(Lane.READ_MODEL)
        if applied is not None:
            # What fails in there is the lane's to log and to try again.
            await asyncio.wait(
                [asyncio.gather(applied, return_exceptions=True)], timeout=APPLIED_WITHIN_S
            )
        self.answer({"accepted": accepted.accepted, "duplicates": accepted.duplicates}, status=202)

    async def _admit_images(self, events: Sequence[Event], *, is_batch: bool) -> None:
        try:
            await self.service.images.admit(*(event.data.get("image_url") for event in events))
        except ImageRefused as error:
            bad = [n for n, event in enumerate(events) if event.data.get("image_url") == error.url]
            names = [f"events.{n}.data.image_url" if is_batch else "data.image_url" for n in bad]
            raise ValidationFailed({name: [error.problem] for name in names}) from None


ROUTES = [(r"/api/internal/events/?", EventsHandler)]
