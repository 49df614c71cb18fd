"""Events in: `POST /api/internal/events/` (contract section 3)."""

from __future__ import annotations

import asyncio

from actors.dispatcher import Accept, Accepted
from rules.events import Lane, lane_of
from rules.ids import event_key
from server.auth import UserType
from server.handlers.base import ApiHandler
from server.operation import Operation
from server.schemas.event_bodies import BODIES, Taken
from server.schemas.events import load_events
from storage.events import NewEvent

EVENTS_BODY_LIMIT_BYTES = 8 << 20

ACCEPT_DEADLINE_S = 15.0

APPLIED_WITHIN_S = 0.5
"""How long the answer waits for read models, so that callers usually read their own writes."""


class EventsHandler(ApiHandler):
    """Takes what happened on the platform; 202 says that it is durable."""

    roles = {"POST": frozenset({UserType.SERVICE, UserType.ADMIN})}
    operations = {"POST": Operation(body=BODIES, answers={202: Taken})}
    body_limit_bytes = EVENTS_BODY_LIMIT_BYTES

    async def post(self) -> None:
        """Accept one event or a batch, all or nothing."""
        sender = self.principal.user_id
        events = [
            NewEvent(
                key=event_key(sender, event.id),
                sender=sender,
                event_id=event.id,
                type=event.type,
                occurred_at=event.occurred_at,
                data=event.data,
                lane=lane_of(event.type).value,
            )
            for event in await load_events(self.raw_json())
        ]
        dispatcher = self.service.dispatcher()
        accepted: Accepted = await dispatcher.request(Accept(events), deadline_s=ACCEPT_DEADLINE_S)
        applied = accepted.outcomes.get(Lane.READ_MODEL)
        if applied is not None:
            # What fails in there is the lane's to log and to try again.
            await asyncio.wait(
                [asyncio.gather(applied, return_exceptions=True)], timeout=APPLIED_WITHIN_S
            )
        self.answer({"accepted": accepted.accepted, "duplicates": accepted.duplicates}, status=202)


ROUTES = [(r"/api/internal/events/?", EventsHandler)]
