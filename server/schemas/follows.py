"""What clients ask about following (contract section 2.3)."""

from __future__ import annotations

from marshmallow import Schema, fields

from server.schemas.notifications import PageSchema


class FollowSchema(Schema):
    """The business to follow."""

    business_id = fields.UUID(required=True)


FOLLOW = FollowSchema()
FOLLOWING_QUERY = PageSchema()
