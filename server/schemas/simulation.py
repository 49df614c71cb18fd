"""What operators ask and are told of what the gates would say (contract section 2.6)."""

from __future__ import annotations

from datetime import UTC, datetime

from marshmallow import Schema, fields, validate

from rules.gates import Refusal
from rules.kinds import KINDS, Channel
from rules.verdicts import QUIET_HOURS, Verdict
from server.schemas.answer import Answer, Count
from server.schemas.fields import Time

GATES = [*(refusal.value for refusal in Refusal), QUIET_HOURS]


class SimulateSchema(Schema):
    """A notification that is not made."""

    user_id = fields.UUID(required=True)
    notification_type = fields.String(required=True, validate=validate.OneOf(tuple(KINDS)))
    at = Time(
        allow_none=True,
        load_default=None,
        # Days and quiet hours are counted from it: not where the calendar ends.
        validate=validate.Range(datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)),
        metadata={"description": "when it would be made: now, if left out"},
    )
    priority = fields.String(load_default="normal", validate=validate.OneOf(("normal", "critical")))


class GateAnswer(Answer):
    """What one gate would do, whatever those before it say."""

    gate = fields.String(validate=validate.OneOf(GATES))
    verdict = fields.String(
        validate=validate.OneOf([verdict.value for verdict in Verdict]),
        metadata={"description": "`exempt`: it would not be asked"},
    )


class SimulatedChannel(Answer):
    """What would become of one channel."""

    channel = fields.String(validate=validate.OneOf([channel.value for channel in Channel]))
    decision = fields.String(validate=validate.OneOf(("send", "defer", "suppress")))
    reason = fields.String(
        allow_none=True,
        validate=validate.OneOf(GATES),
        metadata={"description": "the gate that decides"},
    )
    until = Time(allow_none=True, metadata={"description": "when what is deferred is sent"})
    sent_today = Count(metadata={"description": "what counts to the cap on that day already"})
    daily_cap = Count(allow_none=True)
    gates = fields.List(fields.Nested(GateAnswer), metadata={"description": "in their order"})


class SimulationAnswer(Answer):
    """What would become of each channel of the type."""

    user_id = fields.UUID()
    notification_type = fields.String(validate=validate.OneOf(tuple(KINDS)))
    at = Time()
    priority = fields.String(validate=validate.OneOf(("normal", "critical")))
    channels = fields.List(fields.Nested(SimulatedChannel))


SIMULATE = SimulateSchema()
