"""What clients ask of their inbox and are told of it (contract section 2.1)."""

from __future__ import annotations

from typing import Any

from marshmallow import EXCLUDE, fields, validate

from rules.content import ACTION_LIMIT
from rules.kinds import KINDS
from server.schemas.answer import Answer, BusinessCard, Count, Done, Listing
from server.schemas.fields import Text, Time
from server.schemas.inputs import Input

LARGEST_PAGE = 100
FARTHEST_PAGE = 1_000_000_000
"""Past the end of any list; how many rows to pass over is a number that a store can hold."""


class PageNumber(fields.Integer):
    """A page, from 1; one that is past the end of any list is as good as another."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(validate=validate.Range(1), **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        return min(super()._deserialize(value, attr, data, **kwargs), FARTHEST_PAGE)


class PageSchema(Input):
    """`page` and `page_size` of a list; other query parameters are none of its business."""

    class Meta:
        """Query strings carry tracking parameters and the like."""

        unknown = EXCLUDE

    page = PageNumber(load_default=1)
    page_size = fields.Integer(load_default=20, validate=validate.Range(1, LARGEST_PAGE))


class InboxQuerySchema(PageSchema):
    """The filters of the inbox; dates are in the user's time zone, both inclusive."""

    is_read = fields.Boolean(truthy={"true"}, falsy={"false"})
    notification_type = fields.String(validate=validate.OneOf(tuple(KINDS)))
    date_from = fields.Date()
    date_to = fields.Date()


class MarkReadSchema(Input):
    """1..1000 ids of the caller's notifications."""

    notification_ids = fields.List(fields.UUID(), required=True, validate=validate.Length(1, 1_000))


class ClickSchema(Input):
    """What was clicked of a notification, such as the `action` of one of its buttons."""

    action = Text(1, ACTION_LIMIT, allow_none=True, load_default=None)


class Sender(Answer):
    """Who sent it; a business speaks under its own name."""

    id = fields.UUID()
    name = fields.String(allow_none=True)
    user_type = fields.String(allow_none=True)


class Notification(Answer):
    """A notification as the inbox lists it."""

    id = fields.UUID()
    notification_type = fields.String(validate=validate.OneOf(tuple(KINDS)))
    title = fields.String()
    message = fields.String()
    data = fields.Dict(keys=fields.String())
    sender = fields.Nested(Sender, allow_none=True)
    business = fields.Nested(BusinessCard, allow_none=True)
    action_buttons = fields.List(fields.Dict(keys=fields.String()))
    image_url = fields.Url(allow_none=True)
    priority = fields.String(validate=validate.OneOf(("normal", "critical")))
    is_read = fields.Boolean()
    is_deleted = fields.Boolean()
    created_at = Time()
    read_at = Time(allow_none=True)


class UnreadCount(Answer):
    """How many of the inbox are unread."""

    unread_count = Count()


class Inbox(Listing, UnreadCount):
    """Notifications, newest first."""

    results = fields.List(fields.Nested(Notification))


class MarkedRead(Done, UnreadCount):
    """How many turned from unread to read."""

    marked_count = Count()


class Clicked(Done, UnreadCount):
    """The click is recorded, and what was clicked is read."""


INBOX_QUERY = InboxQuerySchema()
MARK_READ = MarkReadSchema()
CLICK = ClickSchema()
