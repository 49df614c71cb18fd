"""Events of the platform: the envelope, and how a body is read (contract section 3)."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from marshmallow import ValidationError, fields, validate

from server.errors import ValidationFailed
from server.schemas.event_data import DATA
from server.schemas.fields import Identifier, Time
from server.schemas.inputs import Input
from server.schemas.messages import problems_of

MOST_EVENTS = 1_000

CHECKED_A_TURN = 50
"""Events validated before the loop gets a turn: about 5 ms."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A valid event as its sender wrote it; `data` is JSON with times in UTC."""

    id: str
    type: str
    occurred_at: datetime
    data: dict[str, Any]


class EventSchema(Input):
    """The envelope of one event."""

    id = Identifier(required=True)
    type = fields.String(required=True, validate=validate.OneOf(tuple(DATA)))
    occurred_at = Time(required=True)
    data = fields.Dict(required=True)

    def made(self, loaded: dict[str, Any]) -> Event:
        """Return the event, its data loaded as its type has it."""
        try:
            data = DATA[loaded["type"]].load(loaded["data"])
        except ValidationError as error:
            raise ValidationError({"data": error.messages}) from None
        return Event(**{**loaded, "data": data})


_EVENT = EventSchema()


def load_event(body: Any) -> Event:
    """Return the one event that `body` is. Raises ValidationFailed naming each bad field."""
    return _load(body, "")


async def load_events(body: Any) -> list[Event]:
    """Return the events of a request's body: one event, or `{"events": [1..1000 events]}`.

    Raises ValidationFailed naming each bad field, with the event's index in a batch; then
    nothing of the batch is taken.
    """
    if not isinstance(body, dict):
        raise ValidationFailed({"body": ["Must be an event or an object with events."]})
    if "events" not in body:
        return [load_event(body)]
    unknown = body.keys() - {"events"}
    if unknown:
        raise ValidationFailed({name: ["Unknown field."] for name in sorted(unknown)})
    batch = body["events"]
    if not isinstance(batch, list) or not 1 <= len(batch) <= MOST_EVENTS:
        raise ValidationFailed({"events": [f"Must be a list of 1 to {MOST_EVENTS} events."]})
    events = []
    for index, entry in enumerate(batch):
        events.append(_load(entry, f"events.{index}"))
        if index % CHECKED_A_TURN == CHECKED_A_TURN - 1:
            await asyncio.sleep(0)
    return events


def _load(entry: Any, path: str) -> Event:
    try:
        event: Event = _EVENT.load(entry)
    except ValidationError as error:
        raise ValidationFailed(problems_of(error, path)) from None
    return event
