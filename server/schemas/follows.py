"""What clients ask and are told about following (contract section 2.3)."""

from __future__ import annotations

from marshmallow import fields, validate

from server.schemas.answer import Answer, BusinessCard, Count, Done, Listing
from server.schemas.fields import Time
from server.schemas.inputs import Input
from server.schemas.notifications import LARGEST_PAGE, PageSchema


class FollowSchema(Input):
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


class PersonCard(Answer):
    """A person as a business sees them; what is not known is null."""

    id = fields.UUID()
    name = fields.String(allow_none=True)
    user_type = fields.String(allow_none=True)
    profile_image = fields.Url(allow_none=True)


class Follower(Answer):
    """One of those who follow the caller's business."""

    id = fields.UUID()
    user = fields.Nested(PersonCard)
    followed_at = Time()
    engagement_score = fields.Float(validate=validate.Range(0, 10))


class Followers(Listing):
    """Those who follow the caller's business, latest first."""

    results = fields.List(fields.Nested(Follower))


class FollowersQuerySchema(PageSchema):
    """The filter of a business's followers; pages are larger than elsewhere."""

    page_size = fields.Integer(load_default=50, validate=validate.Range(1, LARGEST_PAGE))
    user_type = fields.String(validate=validate.OneOf(("customer", "ngo")))


FOLLOW = FollowSchema()
FOLLOWING_QUERY = PageSchema()
FOLLOWERS_QUERY = FollowersQuerySchema()
