"""What admins ask of the audit log and are told of it (contract section 2.6)."""

from __future__ import annotations

from marshmallow import fields, validate

from server.schemas.answer import Answer, Listing
from server.schemas.fields import Bound, Time
from server.schemas.notifications import PageSchema


class AuditLogQuerySchema(PageSchema):
    """The filters of the audit log; `from` and `to` are both inclusive."""

    actor_id = fields.UUID()
    action = fields.String(validate=validate.Length(1, 64))
    since = Bound(data_key="from")
    until = Bound(is_end=True, data_key="to")


class Actor(Answer):
    """Who did it."""

    id = fields.UUID()
    user_type = fields.String()


class AuditRow(Answer):
    """One thing that somebody did, or was about to do: rows are written before."""

    id = fields.UUID()
    at = Time()
    actor = fields.Nested(Actor)
    action = fields.String(metadata={"description": "subject first: `channel.pause`"})
    target = fields.String()
    ip = fields.String()
    request_id = fields.String()
    details = fields.Dict(keys=fields.String())


class AuditRows(Listing):
    """What admins did, the newest first."""

    results = fields.List(fields.Nested(AuditRow))


AUDIT_LOG_QUERY = AuditLogQuerySchema()
