"""What is asked and told of counts by day, kind and channel (contract section 2.6)."""

from __future__ import annotations

from marshmallow import EXCLUDE, Schema, fields, validate

from rules.day_counts import GroupBy
from server.schemas.answer import Answer, Count
from server.schemas.fields import Bound


class SpanQuerySchema(Schema):
    """The first and the last day, at most 366; both count whole."""

    class Meta:
        """As of any list, other parameters mean nothing."""

        unknown = EXCLUDE

    first = Bound(data_key="from")
    last = Bound(data_key="to")


class CountsQuerySchema(SpanQuerySchema):
    """The days, and by what the counts are told apart."""

    group_by = fields.String(
        load_default=GroupBy.CHANNEL.value,
        validate=validate.OneOf([group.value for group in GroupBy]),
    )


class Rate(fields.Float):
    """A share, 0 to 1, of at most four decimals; 0 of nothing."""

    def __init__(self) -> None:
        super().__init__(validate=validate.Range(0, 1))


class Span(Answer):
    """The days that are told of, both inclusive, in UTC."""

    first = fields.Date(data_key="from")
    last = fields.Date(data_key="to")


class DeliveryGroup(Answer):
    """Deliveries of one channel, kind or day: each is one channel of one notification."""

    key = fields.String()
    created = Count(metadata={"description": "all of them, what is still on its way too"})
    sent = Count(metadata={"description": "the provider took it"})
    delivered = Count(metadata={"description": "it arrived, as far as providers say so"})
    failed = Count(metadata={"description": "failed, dead or bounced"})
    suppressed = Count(metadata={"description": "not to be sent"})


class DeliveryCountsSchema(Span):
    """Deliveries of the notifications that were made on these days."""

    group_by = fields.String(validate=validate.OneOf([group.value for group in GroupBy]))
    results = fields.List(fields.Nested(DeliveryGroup))


class EngagementGroup(Answer):
    """Notifications of one channel, kind or day that were not suppressed on every channel."""

    key = fields.String()
    created = Count()
    read = Count()
    clicked = Count()
    read_rate = Rate()
    click_rate = Rate()


class EngagementCounts(Span):
    """What was taken notice of, of the notifications that were made on these days."""

    group_by = fields.String(validate=validate.OneOf([group.value for group in GroupBy]))
    results = fields.List(fields.Nested(EngagementGroup))


class OptOutGroup(Answer):
    """Opt-outs of one day from one thing; there is no row where there were none."""

    day = fields.Date()
    kind = fields.String(
        metadata={
            "description": "a kind of notification, a channel (`email`, `push`, `sms`), `all`, or "
            "`business` for one of them"
        }
    )
    unsubscribes = Count(metadata={"description": "by the link in an email"})
    switched_off = Count(metadata={"description": "by changing preferences"})


class OptOutCounts(Span):
    """How often something that was on was switched off."""

    results = fields.List(fields.Nested(OptOutGroup))


COUNTS_QUERY = CountsQuerySchema()
SPAN_QUERY = SpanQuerySchema()
