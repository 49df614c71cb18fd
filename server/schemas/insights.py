"""What a business is told of how its notifications do (contract section 2.6)."""

from __future__ import annotations

from marshmallow import fields, validate

from rules.insights import MOST_BEST_HOURS
from server.schemas.analytics import Rate
from server.schemas.answer import Answer, Count


class InsightDay(Answer):
    """One day of UTC; what was read and clicked is of the notifications made on it."""

    day = fields.Date()
    notifications = Count()
    read = Count()
    clicked = Count()
    new_followers = Count(metadata={"description": "who followed on that day, and still does"})


class Insights(Answer):
    """How a business's notifications did in the last 30 days."""

    followers = Count()
    notifications = Count()
    read_rate = Rate()
    click_rate = Rate()
    best_hours = fields.List(
        fields.Integer(strict=True, validate=validate.Range(0, 23)),
        validate=validate.Length(0, MOST_BEST_HOURS),
        metadata={"description": "when most is read, in the caller's time zone, the best first"},
    )
    daily = fields.List(
        fields.Nested(InsightDay),
        metadata={"description": "every day, the oldest first; the last is today"},
    )
