"""What somebody may have a notification say (contract section 2.1).

HTML in a text is kept as the text that it is; it is escaped where it is rendered.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

import orjson
from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from rules.content import (
    ACTION_LIMIT,
    BUTTON_TEXT_LIMIT,
    DATA_DEPTH_LIMIT,
    DATA_LIMIT_BYTES,
    MESSAGE_LIMIT,
    MOST_BUTTONS,
    TITLE_LIMIT,
)
from server.schemas.fields import HttpUrl, Text, printable
from server.schemas.inputs import Input

LARGEST_INTEGER = 2**63 - 1
URL_LIMIT = 2_048

_LINK_SCHEMES = frozenset({"http", "https", "savenbiteguild"})
_PATH = re.compile(r"/(?![/\\])")
"""Not of another host: browsers read `//host` and `/\\host` as one."""


class JsonObject(fields.Dict):
    """An object of at most so many bytes as JSON; control characters in its texts are stripped.

    Names must not begin with `$`, and integers fit in 64 bits: the store would give back others.
    """

    def __init__(self, *, limit_bytes: int = DATA_LIMIT_BYTES, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._limit_bytes = limit_bytes

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        loaded: Any = super()._deserialize(value, *args, **kwargs)  # type: ignore[no-untyped-call]
        cleaned = _cleaned(loaded, DATA_DEPTH_LIMIT)
        if len(orjson.dumps(cleaned)) > self._limit_bytes:
            raise ValidationError(f"Longer than {self._limit_bytes} bytes as JSON.")
        return cleaned


def _cleaned(value: Any, depth: int) -> Any:
    """Return `value` with printable texts. Raises ValidationError for what cannot be kept."""
    match value:
        case str():
            return printable(value)
        case bool() | float() | None:
            return value
        case int():
            if not -LARGEST_INTEGER - 1 <= value <= LARGEST_INTEGER:
                raise ValidationError("Integers must fit in 64 bits.")
            return value
    if depth == 0:
        raise ValidationError(f"Nested deeper than {DATA_DEPTH_LIMIT}.")
    if isinstance(value, list):
        return [_cleaned(entry, depth - 1) for entry in value]
    if any(printable(name).startswith("$") for name in value):
        raise ValidationError("Names must not begin with $.")
    return {printable(name): _cleaned(entry, depth - 1) for name, entry in value.items()}


class Link(Text):
    """Where a button leads: an http(s) URL, one of the app's own, or a path of the platform."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(1, URL_LIMIT, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        link = super()._deserialize(value, attr, data, **kwargs)
        if not _is_link(link):
            raise ValidationError("Must be an http(s) or savenbiteguild URL, or begin with one /.")
        return link


def _is_link(link: str) -> bool:
    if any(character.isspace() for character in link):
        return False
    try:
        parts = urlsplit(link)
    except ValueError:
        return False
    return bool(_PATH.match(link) or (parts.scheme in _LINK_SCHEMES and parts.netloc))


class ButtonSchema(Schema):
    """One button: what it says, and what it does, with what that needs."""

    text = Text(1, BUTTON_TEXT_LIMIT, required=True)
    action = Text(1, ACTION_LIMIT)
    url = Link()
    listing_id = Text(1, 128)
    coordinates = Text(1, 64)
    phone = Text(1, 32)

    @validates_schema
    def _does_something(self, button: dict[str, Any], **_: Any) -> None:
        if "action" not in button and "url" not in button:
            raise ValidationError("A button needs an action or a url.", "action")


class ContentSchema(Input):
    """What all that people or services write have in common."""

    title = Text(1, TITLE_LIMIT, required=True)
    message = Text(1, MESSAGE_LIMIT, required=True)
    data = JsonObject(load_default=dict)
    image_url = HttpUrl(allow_none=True, load_default=None)


def action_buttons() -> fields.List[Any]:
    """Return the field of the buttons of a notification."""
    return fields.List(
        fields.Nested(ButtonSchema), validate=validate.Length(0, MOST_BUTTONS), load_default=list
    )
