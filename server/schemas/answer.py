"""What schemas of answers have in common; they document what the views write by hand."""

from __future__ import annotations

from typing import Any, ClassVar

from marshmallow import Schema, fields, validate


class Answer(Schema):
    """An answer's object, in which every field is always there but for `sometimes`."""

    sometimes: ClassVar[frozenset[str]] = frozenset()

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:
        """Require the field."""
        field_obj.required = field_name not in self.sometimes


class Count(fields.Integer):
    """A number of things."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(strict=True, validate=validate.Range(min=0), **kwargs)


class BusinessCard(Answer):
    """A business as it is shown beside something else."""

    id = fields.UUID()
    name = fields.String()
    logo = fields.Url(allow_none=True)


class Listing(Answer):
    """A page of a list; the subclass says of what."""

    count = Count(metadata={"description": "how many there are on all pages"})
    next = fields.Url(allow_none=True)
    previous = fields.Url(allow_none=True)


class Done(Answer):
    """A sentence for people that says what was done."""

    message = fields.String()


class Error(Answer):
    """What went wrong."""

    code = fields.String(metadata={"description": "for programs: stable, in capitals"})
    message = fields.String(metadata={"description": "for people"})
    details = fields.Dict(
        keys=fields.String(),
        metadata={"description": "of a validation error: field -> list of messages"},
    )


class ErrorEnvelope(Answer):
    """The answer to everything that failed."""

    error = fields.Nested(Error)
