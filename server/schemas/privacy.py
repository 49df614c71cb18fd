"""What somebody is told of what is stored about them (contract section 2.5)."""

from __future__ import annotations

from marshmallow import fields

from server.schemas.answer import Answer
from server.schemas.fields import Time
from server.schemas.preferences import AllPreferences


class Export(Answer):
    """Everything stored about one person; rows are as they are stored."""

    exported_at = Time()
    user_id = fields.UUID()
    profile = fields.Dict(
        keys=fields.String(),
        allow_none=True,
        metadata={"description": "contact details in clear, and when each field was last told"},
    )
    preferences = fields.Nested(AllPreferences)
    devices = fields.List(
        fields.Dict(keys=fields.String()), metadata={"description": "without their tokens"}
    )
    follows = fields.List(
        fields.Dict(keys=fields.String()), metadata={"description": "those that ended too"}
    )
    businesses = fields.List(fields.Dict(keys=fields.String()))
    notifications = fields.List(
        fields.Dict(keys=fields.String()),
        metadata={"description": "newest first, deleted ones too, with the state of each channel"},
    )
    interests = fields.List(
        fields.Dict(keys=fields.String()), metadata={"description": "in listings"}
    )
    pickups = fields.List(
        fields.Dict(keys=fields.String()), metadata={"description": "contact details in clear"}
    )
    images = fields.List(
        fields.Dict(keys=fields.String()), metadata={"description": "uploaded by the person"}
    )
    schedules = fields.List(
        fields.Dict(keys=fields.String()), metadata={"description": "addressed to the person"}
    )
    schedules_made = fields.List(
        fields.Dict(keys=fields.String()), metadata={"description": "made by the person"}
    )
    audit_log = fields.List(
        fields.Dict(keys=fields.String()), metadata={"description": "what the person did as admin"}
    )
