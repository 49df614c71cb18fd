"""What clients ask and are told about following (contract section 2.3)."""

from __future__ import annotations

from marshmallow import Schema, fields

from server.schemas.answer import Answer, BusinessCard, Count, Done, Listing
from server.schemas.fields import Time
from server.schemas.notifications import PageSchema


class FollowSchema(Schema):
    """The business to follow."""

    business_id = fields.UUID(required=True)


class Followed(Done):
    """A follow that now is; `created` is false where an earlier one was restored."""

    follower_id = fields.UUID()
    created = fields.Boolean()
    business = fields.Nested(BusinessCard)


class BusinessProfile(BusinessCard):
    """A business as its followers see it."""

    address = fields.String(allow_none=True)
    rating = fields.Float(allow_none=True)
    followers_count = Count()


class FollowedBusiness(Answer):
    """One of the businesses that the caller follows."""

    id = fields.UUID()
    business = fields.Nested(BusinessProfile)
    followed_at = Time(allow_none=True)
    notification_count = Count()


class Following(Listing):
    """The businesses that the caller follows, latest first."""

    results = fields.List(fields.Nested(FollowedBusiness))


FOLLOW = FollowSchema()
FOLLOWING_QUERY = PageSchema()
