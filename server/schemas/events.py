"""Events of the platform: the envelope, and the data of each type (contract section 3)."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, validate

from server.errors import ValidationFailed
from server.schemas.fields import HttpUrl, Identifier, Locale, Money, Text, Time, TimeZone
from server.schemas.messages import flattened

MOST_EVENTS = 1_000

CHECKED_A_TURN = 50
"""Events validated before the loop gets a turn: about 5 ms."""

USER_TYPES = ("customer", "ngo", "provider", "admin")


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A valid event as its sender wrote it; `data` is JSON with times in UTC."""

    id: str
    type: str
    occurred_at: datetime
    data: dict[str, Any]


class _Data(Schema):
    """Data of an event, loaded as JSON again: that is how events are stored."""

    @post_load
    def _as_json(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {name: _plain(value) for name, value in data.items()}


class UserRegistered(_Data):
    """`user.registered`."""

    id = fields.UUID(required=True)
    name = Text(1, 200, required=True)
    user_type = fields.String(required=True, validate=validate.OneOf(USER_TYPES))
    email = fields.Email(required=True, validate=validate.Length(max=254))
    phone = Text(1, 32, allow_none=True)
    locale = Locale(allow_none=True)
    timezone = TimeZone(allow_none=True)
    profile_image = HttpUrl(allow_none=True)
    business_id = fields.UUID(allow_none=True)


class BusinessCreated(_Data):
    """`business.created`."""

    id = fields.UUID(required=True)
    owner_id = fields.UUID(required=True)
    name = Text(1, 200, required=True)
    logo = HttpUrl(allow_none=True)
    address = Text(1, 500, allow_none=True)
    rating = fields.Float(allow_none=True, validate=validate.Range(0, 5))


class ListingCreated(_Data):
    """`listing.created`."""

    listing_id = Identifier(required=True)
    business_id = fields.UUID(required=True)
    name = Text(1, 200, required=True)
    description = Text(0, 5_000, allow_none=True)
    price = Money(required=True)
    currency = fields.String(validate=validate.Regexp(r"[A-Z]{3}\Z"), load_default="ZAR")
    expiry_date = Time(required=True)
    pickup_location = Text(1, 500, required=True)
    image_url = HttpUrl(allow_none=True)


class ReviewCreated(_Data):
    """`review.created`."""

    review_id = Identifier(required=True)
    business_id = fields.UUID(required=True)
    reviewer_id = fields.UUID(required=True)
    rating = fields.Integer(required=True, strict=True, validate=validate.Range(1, 5))
    comment = Text(0, 5_000, allow_none=True)


DATA: dict[str, Schema] = {
    "user.registered": UserRegistered(),
    "user.updated": UserRegistered(partial=tuple(set(UserRegistered().fields) - {"id"})),
    "business.created": BusinessCreated(),
    "business.updated": BusinessCreated(partial=tuple(set(BusinessCreated().fields) - {"id"})),
    "listing.created": ListingCreated(),
    "review.created": ReviewCreated(),
}


class EventSchema(Schema):
    """The envelope of one event."""

    id = Identifier(required=True)
    type = fields.String(required=True, validate=validate.OneOf(tuple(DATA)))
    occurred_at = Time(required=True)
    data = fields.Dict(keys=fields.String(), required=True)

    @post_load
    def _load_data(self, envelope: dict[str, Any], **_: Any) -> Event:
        try:
            data = DATA[envelope["type"]].load(envelope["data"])
        except ValidationError as error:
            raise ValidationError({"data": error.messages}) from None
        return Event(**{**envelope, "data": data})


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
        raise ValidationFailed(flattened(error.messages, path)) from None
    return event


def _plain(value: Any) -> Any:
    """Return `value` as JSON has it."""
    match value:
        case datetime():
            return value.isoformat().replace("+00:00", "Z")
        case Decimal():
            return f"{value:.2f}"
        case None | bool() | int() | float() | str():
            return value
    return str(value)
