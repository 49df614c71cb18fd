"""What is sent to one user, now or later, and what is told of it (contract section 2.1)."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, validate

from rules.kinds import KINDS, Channel
from server.schemas.answer import Answer, Listing
from server.schemas.content import ContentSchema, action_buttons
from server.schemas.fields import Time
from server.schemas.notifications import PageSchema

STATUSES = ("scheduled", "sent", "cancelled", "failed")


class DirectSendSchema(ContentSchema):
    """One notification for one user."""

    recipient_id = fields.UUID(required=True)
    notification_type = fields.String(required=True, validate=validate.OneOf(tuple(KINDS)))
    action_buttons = action_buttons()
    priority = fields.String(load_default="normal", validate=validate.OneOf(("normal", "critical")))
    channels = fields.List(
        fields.Enum(Channel, by_value=True),
        allow_none=True,
        load_default=None,
        validate=validate.Length(1, len(Channel)),
        metadata={"description": "instead of those of the type; each counts once"},
    )
    send_at = Time(
        allow_none=True,
        load_default=None,
        metadata={"description": "in the future, at most 30 days ahead"},
    )

    def made(self, loaded: dict[str, Any]) -> dict[str, Any]:
        """Return it with each channel once."""
        if loaded["channels"] is not None:
            loaded["channels"] = tuple(dict.fromkeys(loaded["channels"]))
        return loaded


class Scheduled(Answer):
    """What is to be sent at a time of its own."""

    schedule_id = fields.UUID()
    send_at = Time()


class Schedule(Scheduled):
    """A schedule as lists show it."""

    recipient_id = fields.UUID()
    notification_type = fields.String(validate=validate.OneOf(tuple(KINDS)))
    title = fields.String()
    status = fields.String(validate=validate.OneOf(STATUSES))


class Schedules(Listing):
    """Schedules, the newest first."""

    results = fields.List(fields.Nested(Schedule))


DIRECT_SEND = DirectSendSchema()
SCHEDULES_QUERY = PageSchema()
