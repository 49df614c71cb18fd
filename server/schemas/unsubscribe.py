"""The form behind the link in an email, and what a program is told (contract section 2.5)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields, validate, validates_schema

from server.schemas.answer import Answer

ONE_CLICK = "List-Unsubscribe"
"""RFC 8058 §3.2: with the value `One-Click`, and nothing said of other fields."""


class UnsubscribeForm(Schema):
    """The one-click field of mail programs, or the action of the page's button."""

    class Meta:
        """Forms of mail programs are theirs."""

        unknown = EXCLUDE

    one_click = fields.String(data_key=ONE_CLICK, validate=validate.Equal("One-Click"))
    action = fields.String(validate=validate.OneOf(("unsubscribe", "resubscribe")))

    @validates_schema
    def _asks_for_something(self, form: Mapping[str, Any], **_: Any) -> None:
        if not form:
            raise ValidationError("Missing data for required field.", "one_click")


class UnsubscribeQuery(Schema):
    """Which of its two questions the page is to ask."""

    class Meta:
        """Links in mails are decorated by whoever counts their clicks."""

        unknown = EXCLUDE

    action = fields.String(metadata={"description": "`resubscribe` asks whether to go back"})


class Unsubscribed(Answer):
    """What the preference is now."""

    message = fields.String()
    preferences = fields.Dict(keys=fields.String(), values=fields.Boolean())


UNSUBSCRIBE_FORM = UnsubscribeForm()
UNSUBSCRIBE_QUERY = UnsubscribeQuery()
