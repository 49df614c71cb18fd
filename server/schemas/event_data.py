"""The data of each type of event that the platform sends (contract section 3).

What people read is bounded like the texts of a notification; states are opaque words of the
platform, whose list may grow.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from marshmallow import Schema, ValidationError, fields, validate

from server.schemas.content import JsonObject
from server.schemas.fields import HttpUrl, Identifier, Locale, Money, Stars, Text, Time, TimeZone
from server.schemas.inputs import Input

MOST_ITEMS = 100

RAND = "ZAR"

EARLIEST, LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)
"""Times of what is planned for: what comes before and after them is in the calendar still."""

USER_TYPES = ("customer", "ngo", "provider", "admin")


def _is_plannable(moment: datetime) -> None:
    if not EARLIEST <= moment < LATEST:
        raise ValidationError(f"Must be from {EARLIEST:%Y} on and before {LATEST:%Y}.")


_WRITTEN: Mapping[type, Callable[[Any], str]] = {
    UUID: str,
    datetime: lambda moment: moment.isoformat().replace("+00:00", "Z"),
    Decimal: lambda amount: f"{amount:.2f}",
}
"""How JSON has what it has no type for."""


class _Data(Input):
    """Data of an event, loaded as JSON again: that is how events are stored."""

    def made(self, loaded: dict[str, Any]) -> dict[str, Any]:
        """Return it as JSON has it."""
        for name, value in loaded.items():
            written = _WRITTEN.get(type(value))
            if written is not None:
                loaded[name] = written(value)
        return loaded


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


class UserDeleted(_Data):
    """`user.deleted`."""

    id = fields.UUID(required=True)


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
    currency = fields.String(
        allow_none=True, validate=validate.Regexp(r"[A-Z]{3}\Z"), load_default=RAND
    )
    expiry_date = Time(required=True, validate=_is_plannable)
    pickup_location = Text(1, 500, required=True)
    image_url = HttpUrl(allow_none=True)

    def made(self, loaded: dict[str, Any]) -> dict[str, Any]:
        """Return it as JSON has it; without a currency the price is in rand."""
        if loaded["currency"] is None:
            loaded["currency"] = RAND
        return super().made(loaded)


class ListingInterest(_Data):
    """`listing.interest`."""

    listing_id = Identifier(required=True)
    user_id = fields.UUID(required=True)


class ListingRemoved(_Data):
    """`listing.removed`."""

    listing_id = Identifier(required=True)


class Item(fields.Field[Any]):
    """What is to be collected: a name, or an object such as `{"name": "Bread", "quantity": 2}`."""

    documented = {
        "oneOf": [{"type": "string", "minLength": 1, "maxLength": 200}, {"type": "object"}]
    }

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._name = Text(1, 200)
        self._object = JsonObject()

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if isinstance(value, str):
            return self._name.deserialize(value, attr, data, **kwargs)
        if isinstance(value, dict):
            return self._object.deserialize(value, attr, data, **kwargs)
        raise ValidationError("Must be a text or an object.")


class PickupScheduled(_Data):
    """`pickup.scheduled`."""

    interaction_id = Identifier(required=True)
    user_id = fields.UUID(required=True)
    business_id = fields.UUID(required=True)
    order_number = Text(1, 128, required=True)
    pickup_time = Time(required=True, validate=_is_plannable)
    pickup_location = Text(1, 500, required=True)
    contact_person = Text(1, 200, allow_none=True)
    contact_phone = Text(1, 32, allow_none=True)
    confirmation_code = Text(1, 64, allow_none=True)
    items = fields.List(Item(), allow_none=True, validate=validate.Length(max=MOST_ITEMS))
    total_amount = Money(allow_none=True)


class PickupCompleted(_Data):
    """`pickup.completed`."""

    interaction_id = Identifier(required=True)


class PickupCancelled(_Data):
    """`pickup.cancelled`."""

    interaction_id = Identifier(required=True)


class ReviewCreated(_Data):
    """`review.created`."""

    review_id = Identifier(required=True)
    business_id = fields.UUID(required=True)
    reviewer_id = fields.UUID(required=True)
    rating = Stars(required=True)
    comment = Text(0, 5_000, allow_none=True)


class InteractionStatusChanged(_Data):
    """`interaction.status_changed`."""

    interaction_id = Identifier(required=True)
    business_id = fields.UUID(required=True)
    customer_id = fields.UUID(required=True)
    old_status = Text(1, 64, required=True)
    new_status = Text(1, 64, required=True)
    order_number = Text(1, 128, allow_none=True)
    total_amount = Money(allow_none=True)


class VerificationStatusChanged(_Data):
    """`verification.status_changed`."""

    user_id = fields.UUID(required=True)
    status = Text(1, 64, required=True)
    reason = Text(0, 1_000, allow_none=True)


DATA: dict[str, Schema] = {
    "user.registered": UserRegistered(),
    "user.updated": UserRegistered(partial=tuple(set(UserRegistered().fields) - {"id"})),
    "user.deleted": UserDeleted(),
    "business.created": BusinessCreated(),
    "business.updated": BusinessCreated(partial=tuple(set(BusinessCreated().fields) - {"id"})),
    "listing.created": ListingCreated(),
    "listing.interest": ListingInterest(),
    "listing.removed": ListingRemoved(),
    "interaction.status_changed": InteractionStatusChanged(),
    "pickup.scheduled": PickupScheduled(),
    "pickup.completed": PickupCompleted(),
    "pickup.cancelled": PickupCancelled(),
    "review.created": ReviewCreated(),
    "verification.status_changed": VerificationStatusChanged(),
}
