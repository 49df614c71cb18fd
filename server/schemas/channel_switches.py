"""What operators are told of a channel that they switch (contract section 2.6)."""

from __future__ import annotations

from marshmallow import fields, validate

from rules.deliveries import SENDING_CHANNELS
from server.schemas.answer import Answer
from server.schemas.fields import Time


class ChannelSwitchSchema(Answer):
    """How a channel is switched, and who switched it last; null where nobody ever did."""

    channel = fields.String(validate=validate.OneOf([each.value for each in SENDING_CHANNELS]))
    is_paused = fields.Boolean()
    by = fields.UUID(allow_none=True)
    at = Time(allow_none=True)
