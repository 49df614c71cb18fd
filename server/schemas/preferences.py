"""What clients change of their preferences and are told of them (contract section 2.2)."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields, post_load, validate

from rules.kinds import KINDS
from rules.preferences import MOST_MUTED_BUSINESSES
from server.schemas.answer import Answer, Done
from server.schemas.fields import Flag, Locale, TimeZone, WallTime


class QuietHoursSchema(Schema):
    """Any of the three; the others stay."""

    enabled = Flag()
    start = WallTime()
    end = WallTime()


class PreferencesSchema(Schema):
    """Any of the preferences, loaded as they are stored."""

    email_notifications = Flag()
    new_listing_notifications = Flag()
    promotional_notifications = Flag()
    weekly_digest = Flag()
    push_notifications = Flag()
    sms_notifications = Flag()
    mute_all = Flag()
    muted_types = fields.List(
        fields.String(validate=validate.OneOf(tuple(KINDS))),
        validate=validate.Length(0, len(KINDS)),
    )
    muted_businesses = fields.List(
        fields.UUID(), validate=validate.Length(0, MOST_MUTED_BUSINESSES)
    )
    quiet_hours = fields.Nested(QuietHoursSchema)
    timezone = TimeZone()
    locale = Locale()

    @post_load
    def _as_stored(self, changes: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Name each muted type and business once, as text."""
        for name in ("muted_types", "muted_businesses"):
            if name in changes:
                changes[name] = list(dict.fromkeys(str(entry) for entry in changes[name]))
        return changes


class AllQuietHours(QuietHoursSchema, Answer):
    """When email, push and SMS wait, in the user's time zone."""


class AllPreferences(PreferencesSchema, Answer):
    """All preferences, set or not."""

    quiet_hours = fields.Nested(AllQuietHours)


class PreferencesShown(Answer):
    """All preferences, set or not."""

    preferences = fields.Nested(AllPreferences)


class PreferencesChanged(PreferencesShown, Done):
    """All preferences, now that they are changed."""


PREFERENCES = PreferencesSchema()
