"""What admins say of campaigns and are told of them (contract section 2.6)."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields, post_load, validate

from rules.campaigns import CampaignStatus
from rules.content import MESSAGE_LIMIT, TITLE_LIMIT
from rules.kinds import Channel
from server.auth import INBOX_OWNERS
from server.schemas.answer import Answer, Count, Listing
from server.schemas.fields import Flag, Locale, Text, Time
from server.schemas.notifications import PageSchema

KINDS = ("system_announcement", "promotional")
NAME_LIMIT = 120
TEMPLATE_LIMIT = 64
MOST_BUSINESSES = 100
MOST_USERS = 10_000
MOST_LOCALES = 50

USER_TYPES = sorted(user_type.value for user_type in INBOX_OWNERS)


class AudienceSchema(Schema):
    """Whom a campaign is for: all conditions given have to hold; none is everybody."""

    user_types = fields.List(
        fields.String(validate=validate.OneOf(USER_TYPES)), validate=validate.Length(1)
    )
    followers_of = fields.List(
        fields.UUID(),
        validate=validate.Length(1, MOST_BUSINESSES),
        metadata={"description": "of any of these businesses"},
    )
    user_ids = fields.List(fields.UUID(), validate=validate.Length(1, MOST_USERS))
    locales = fields.List(
        Locale(),
        validate=validate.Length(1, MOST_LOCALES),
        metadata={"description": "`af` is also `af-ZA`"},
    )
    active_since = Time()

    @post_load
    def _each_once(self, audience: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {
            name: list(dict.fromkeys(value)) if isinstance(value, list) else value
            for name, value in audience.items()
        }


class SampleSchema(Schema):
    """What is told, and to whom."""

    title = Text(1, TITLE_LIMIT, required=True)
    message = Text(1, MESSAGE_LIMIT, required=True)
    notification_type = fields.String(required=True, validate=validate.OneOf(KINDS))
    audience = fields.Nested(AudienceSchema, required=True)
    template = Text(
        1,
        TEMPLATE_LIMIT,
        allow_none=True,
        load_default=None,
        metadata={"description": "by which the mails are made, instead of that of the type"},
    )
    send_at = Time(
        allow_none=True,
        load_default=None,
        metadata={"description": "in the future, at most a year ahead"},
    )
    draft = Flag(load_default=False, metadata={"description": "wait until it is started"})
    name = Text(1, NAME_LIMIT)
    channels = fields.List(
        fields.Enum(Channel, by_value=True),
        validate=validate.Length(1, len(Channel)),
        metadata={"description": "whatever those of the type are; each counts once"},
    )


class CampaignSchema(SampleSchema):
    """A campaign to be made."""

    name = Text(1, NAME_LIMIT, required=True)
    channels = fields.List(
        fields.Enum(Channel, by_value=True),
        required=True,
        validate=validate.Length(1, len(Channel)),
        metadata={"description": "whatever those of the type are; each counts once"},
    )


class AudienceAnswer(Answer):
    """The conditions that were given."""

    user_types = fields.List(fields.String())
    followers_of = fields.List(fields.UUID())
    user_ids = fields.List(fields.UUID(), metadata={"description": "not in the list of campaigns"})
    locales = fields.List(fields.String())
    active_since = Time()

    sometimes = frozenset({"user_types", "followers_of", "user_ids", "locales", "active_since"})


class ProgressAnswer(Answer):
    """How far it is."""

    audience = Count(
        metadata={"description": "how many there are, about where they are many; at last exactly"}
    )
    processed = Count()
    created = Count(metadata={"description": "for whom there is a notification on some channel"})
    suppressed = Count(metadata={"description": "whose preferences or caps leave no channel"})
    failed = Count(metadata={"description": "who could not be told for a fault of ours"})


class CampaignAnswer(Answer):
    """A campaign."""

    id = fields.UUID()
    name = fields.String()
    title = fields.String()
    message = fields.String()
    notification_type = fields.String(validate=validate.OneOf(KINDS))
    channels = fields.List(
        fields.String(validate=validate.OneOf([channel.value for channel in Channel]))
    )
    audience = fields.Nested(AudienceAnswer)
    template = fields.String(allow_none=True)
    send_at = Time(allow_none=True)
    status = fields.String(validate=validate.OneOf([each.value for each in CampaignStatus]))
    progress = fields.Nested(ProgressAnswer)
    created_at = Time()
    started_at = Time(allow_none=True)
    completed_at = Time(allow_none=True, metadata={"description": "when it ended, in whatever way"})
    created_by = fields.UUID()
    reason = fields.String(
        allow_none=True,
        metadata={"description": "why it paused or failed, where no admin wanted that"},
    )


class CampaignsAnswer(Listing):
    """Campaigns, the newest first."""

    results = fields.List(fields.Nested(CampaignAnswer))


class SampleAnswer(Answer):
    """What one of the audience would get: in the app or as a push, and as a mail without a name."""

    recipient_id = fields.UUID(
        allow_none=True, metadata={"description": "null where the audience has nobody"}
    )
    locale = fields.String()
    title = fields.String()
    message = fields.String()
    subject = fields.String()
    html = fields.String()
    text = fields.String()


class PreviewAnswer(Answer):
    """What would become of a campaign."""

    audience_size = Count()
    is_exact = fields.Boolean(
        metadata={"description": "false where it is estimated, from a share of the users"}
    )
    sample = fields.Nested(SampleAnswer)


CAMPAIGN = CampaignSchema()
CAMPAIGN_SAMPLE = SampleSchema()
CAMPAIGNS_QUERY = PageSchema()
