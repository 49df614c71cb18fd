"""What admins say of the templates of mails and are told of them (contract section 2.6)."""

from __future__ import annotations

from typing import Any

from marshmallow import EXCLUDE, Schema, fields, validate

from rules.locales import DEFAULT_LOCALE, LOCALES
from server.schemas.answer import Answer, Count, Listing
from server.schemas.content import JsonObject
from server.schemas.fields import Time, printable
from server.schemas.notifications import PageSchema

LONGEST_SUBJECT = 500
LONGEST_SOURCE = 128 * 1_024
"""Mail programs cut off what is over 102 KB, and a source is shorter than what it makes."""

LONGEST_CONTEXT_BYTES = 64 * 1_024


class TemplateText(fields.String):
    """A source of 1..`high` characters, kept as it is but for control characters."""

    def __init__(self, high: int, **kwargs: Any) -> None:
        super().__init__(validate=validate.Length(1, high), **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        return printable(str(super()._deserialize(value, attr, data, **kwargs)))


class ShippedLocale(fields.String):
    """One of the languages that there are words for."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(validate=validate.OneOf(LOCALES), load_default=DEFAULT_LOCALE, **kwargs)


class TemplateQuerySchema(Schema):
    """Which language of a template is asked for."""

    class Meta:
        """Query strings carry tracking parameters and the like."""

        unknown = EXCLUDE

    locale = ShippedLocale()


class TemplateSourceSchema(Schema):
    """A template in one language: three sources."""

    locale = ShippedLocale()
    subject = TemplateText(LONGEST_SUBJECT, required=True)
    html = TemplateText(LONGEST_SOURCE, required=True)
    text = TemplateText(LONGEST_SOURCE, required=True)


class TemplatePreviewSchema(Schema):
    """Which template is tried, with what of it changed, and what the letter says instead."""

    locale = ShippedLocale()
    context = JsonObject(limit_bytes=LONGEST_CONTEXT_BYTES, load_default=dict)
    subject = TemplateText(LONGEST_SUBJECT)
    html = TemplateText(LONGEST_SOURCE)
    text = TemplateText(LONGEST_SOURCE)


class TemplateRollbackSchema(Schema):
    """Which version becomes the next one."""

    locale = ShippedLocale()
    version = fields.Integer(required=True, strict=True, validate=validate.Range(1, 2**31))


class TemplateRow(Answer):
    """A template in all its languages; version and time are of the language that changed last."""

    name = fields.String()
    locales = fields.List(fields.String())
    version = Count()
    updated_at = Time()


class TemplateRows(Listing):
    """All templates, by name."""

    results = fields.List(fields.Nested(TemplateRow))


class TemplateVersionRow(Answer):
    """A version; who wrote it is null where it is shipped."""

    version = Count()
    updated_at = Time()
    updated_by = fields.UUID(allow_none=True)


class TemplateRecord(TemplateVersionRow):
    """A template in one language, with the versions one can go back to, newest first."""

    name = fields.String()
    locale = fields.String()
    subject = fields.String()
    html = fields.String()
    text = fields.String()
    versions = fields.List(fields.Nested(TemplateVersionRow))


class TemplatePreviewed(Answer):
    """A mail as its recipient would see it."""

    subject = fields.String()
    html = fields.String()
    text = fields.String()


TEMPLATES_QUERY = PageSchema()
TEMPLATE_QUERY = TemplateQuerySchema()
TEMPLATE_SOURCE = TemplateSourceSchema()
TEMPLATE_PREVIEW = TemplatePreviewSchema()
TEMPLATE_ROLLBACK = TemplateRollbackSchema()
