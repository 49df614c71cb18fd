"""What is told of the ways of a notification (contract section 2.1)."""

from __future__ import annotations

from marshmallow import fields, validate

from rules.deliveries import DeliveryStatus
from rules.kinds import KINDS, Channel
from server.schemas.answer import Answer
from server.schemas.deliveries import AttemptSchema
from server.schemas.fields import Time

UNUSED = "unused"
NOT_CHOSEN = "not_a_channel_of_it"
"""A channel that neither the type's table nor the sender chose."""

STATUSES = [*(status.value for status in DeliveryStatus), UNUSED]


class FeedbackSchema(Answer):
    """What a provider told afterwards."""

    event = fields.String()
    at = Time()


class ChannelTrace(Answer):
    """One channel: how it stands, why, and when what happened."""

    channel = fields.String(validate=validate.OneOf([channel.value for channel in Channel]))
    status = fields.String(validate=validate.OneOf(STATUSES))
    reason = fields.String(allow_none=True)
    due_at = Time(allow_none=True, metadata={"description": "when it is looked at again"})
    sent_at = Time(allow_none=True)
    read_at = Time(allow_none=True)
    clicked_at = Time(allow_none=True)
    deleted_at = Time(allow_none=True)
    attempts = fields.List(fields.Nested(AttemptSchema))
    feedback = fields.List(fields.Nested(FeedbackSchema))


class Trace(Answer):
    """All four channels of a notification."""

    notification_id = fields.UUID()
    recipient_id = fields.UUID()
    notification_type = fields.String(validate=validate.OneOf(tuple(KINDS)))
    created_at = Time()
    channels = fields.List(fields.Nested(ChannelTrace))
