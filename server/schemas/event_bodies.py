"""Bodies of events for the OpenAPI document: one event, each type with its data, or a batch."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields, validate

from server.schemas.answer import Answer, Count
from server.schemas.event_data import DATA
from server.schemas.events import MOST_EVENTS
from server.schemas.fields import Identifier, OneOf, Time


class Taken(Answer):
    """How many events are durable now, and how many were before."""

    accepted = Count()
    duplicates = Count()


def _event(event_type: str, data: Schema) -> Schema:
    """Return the schema of events of one type, `UserRegisteredEvent`."""
    words = event_type.replace(".", "_").split("_")
    shape: dict[str, fields.Field[Any]] = {
        "id": Identifier(required=True),
        "type": fields.String(required=True, validate=validate.Equal(event_type)),
        "occurred_at": Time(required=True),
        "data": fields.Nested(data, required=True),
    }
    name = f"{''.join(word.capitalize() for word in words)}Event"
    event = Schema.from_dict(shape, name=name)
    event.__doc__ = f"An event of type `{event_type}`."
    return event()


_EVENTS = tuple(_event(event_type, data) for event_type, data in DATA.items())


class EventBatch(Schema):
    """1..1000 events, taken all or none."""

    events = fields.List(OneOf(_EVENTS), required=True, validate=validate.Length(1, MOST_EVENTS))


BODIES: tuple[Schema, ...] = (*_EVENTS, EventBatch())
