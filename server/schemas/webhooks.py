"""What providers send to the webhooks; their messages are theirs, and more fields may come."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields, validate, validates_schema

SNS_TYPES = ("Notification", "SubscriptionConfirmation", "UnsubscribeConfirmation")


class SnsEnvelope(Schema):
    """A message of Amazon SNS, as its documentation shows it for HTTP endpoints."""

    class Meta:
        """What SNS may add."""

        unknown = EXCLUDE

    Type = fields.String(required=True, validate=validate.OneOf(SNS_TYPES))
    MessageId = fields.String(required=True)
    TopicArn = fields.String(required=True)
    Message = fields.String(required=True)
    Timestamp = fields.String(required=True)
    Signature = fields.String(required=True)
    SignatureVersion = fields.String(required=True)
    SigningCertURL = fields.String(required=True)
    Subject = fields.String(allow_none=True)
    SubscribeURL = fields.String()
    Token = fields.String()

    @validates_schema
    def _can_be_confirmed(self, envelope: Mapping[str, Any], **_: Any) -> None:
        if envelope.get("Type") == SNS_TYPES[0]:
            return
        missing = [name for name in ("SubscribeURL", "Token") if name not in envelope]
        if missing:
            message = "Missing data for required field."
            raise ValidationError({name: [message] for name in missing})


class TwilioQuery(Schema):
    """Whose SMS a status is about, as the URL says that each SMS is sent with."""

    class Meta:
        """The URL may have more."""

        unknown = EXCLUDE

    notification_id = fields.UUID(load_default=None)
    recipient_id = fields.UUID(load_default=None)


class TwilioForm(Schema):
    """What became of an SMS of ours (`MessageStatus`), or an SMS to us."""

    class Meta:
        """What Twilio may add."""

        unknown = EXCLUDE

    MessageSid = fields.String(required=True, validate=validate.Length(1, 64))
    MessageStatus = fields.String()
    ErrorCode = fields.String()
    From = fields.String(validate=validate.Length(max=128))
    To = fields.String(validate=validate.Length(max=128))
    Body = fields.String()
    OptOutType = fields.String(metadata={"description": "Twilio's own reading of `Body`"})


SNS_ENVELOPE = SnsEnvelope()
TWILIO_QUERY = TwilioQuery()
TWILIO_FORM = TwilioForm()
