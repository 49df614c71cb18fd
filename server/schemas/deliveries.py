"""What operators ask of deliveries and are told of them (contract section 2.6)."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from rules.deliveries import RETRIED, SENDING_CHANNELS, DeliveryStatus
from rules.kinds import KINDS
from server.schemas.answer import Answer, Count, Done, Listing
from server.schemas.fields import Time
from server.schemas.notifications import PageSchema

CHANNELS = [channel.value for channel in SENDING_CHANNELS]
STATUSES = [status.value for status in DeliveryStatus]


class DeliveriesQuerySchema(PageSchema):
    """The filters of the list of deliveries."""

    status = fields.String(validate=validate.OneOf(STATUSES))
    channel = fields.String(validate=validate.OneOf(CHANNELS))
    user_id = fields.UUID()


class BulkRetrySchema(Schema):
    """Which deliveries to retry; at least one field."""

    status = fields.String(
        validate=validate.OneOf(sorted(RETRIED)),
        metadata={"description": "left out: all that can be retried"},
    )
    channel = fields.String(validate=validate.OneOf(CHANNELS))
    user_id = fields.UUID()

    @validates_schema
    def _one_at_least(self, asked: dict[str, Any], **_: Any) -> None:
        if not asked:
            message = "At least one of these fields is required."
            raise ValidationError({name: [message] for name in self.fields})


class AttemptSchema(Answer):
    """One handing over to the provider."""

    at = Time()
    ended_at = Time(allow_none=True, metadata={"description": "null while it is under way"})
    error = fields.String(allow_none=True)
    uncertain = fields.Boolean(metadata={"description": "nobody knows whether it was taken"})


class Delivery(Answer):
    """One channel of one notification."""

    id = fields.String(metadata={"description": "`<notification_id>:<channel>`"})
    notification_id = fields.UUID()
    recipient_id = fields.UUID()
    notification_type = fields.String(validate=validate.OneOf(tuple(KINDS)))
    channel = fields.String(validate=validate.OneOf(CHANNELS))
    status = fields.String(validate=validate.OneOf(STATUSES))
    reason = fields.String(
        allow_none=True, metadata={"description": "why it stands so, where that needs a reason"}
    )
    attempts = fields.List(fields.Nested(AttemptSchema))
    due_at = Time(allow_none=True, metadata={"description": "when it is looked at again"})
    sent_at = Time(allow_none=True)
    last_error = fields.String(allow_none=True)
    provider_message_id = fields.String(allow_none=True)


class Deliveries(Listing):
    """Deliveries, those of the newest notifications first."""

    results = fields.List(fields.Nested(Delivery))


class Retried(Done):
    """How many will be sent again, and whether there are more."""

    retried_count = Count()
    has_more = fields.Boolean()


DELIVERIES_QUERY = DeliveriesQuerySchema()
BULK_RETRY = BulkRetrySchema()
