"""Fields that several schemas share."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

from rules.timezones import TIMEZONES

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
"""Control characters but for tab and line ends, which mean something in a text."""

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}\Z", re.ASCII)

_SURROGATE = re.compile(r"[\ud800-\udfff]")

_LOCALE = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*\Z")
_WALL_TIME = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]\Z")


def printable(text: str) -> str:
    """Return `text` without control characters."""
    if text.isprintable():
        return text
    return _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", _CONTROL.sub("", text))


class Text(fields.String):
    """A text of `low`..`high` characters, counted once control characters are stripped."""

    def __init__(self, low: int, high: int, **kwargs: Any) -> None:
        super().__init__(validate=validate.Length(low, high), **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        return printable(str(super()._deserialize(value, attr, data, **kwargs))).strip()


class Identifier(fields.String):
    """An opaque string of 1..128 characters: ids of other services are not always UUIDs."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(validate=validate.Length(1, 128), **kwargs)


class Time(fields.AwareDateTime):
    """An RFC 3339 time with an offset; loaded as UTC."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(format="iso", **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> datetime:
        moment = super()._deserialize(value, attr, data, **kwargs)
        assert isinstance(moment, datetime)
        try:
            return moment.astimezone(UTC)
        except OverflowError:
            raise ValidationError("Not a valid time.") from None


class Bound(Time):
    """An end of a range: a time, or a day of UTC, which counts whole; loaded as UTC."""

    documented = {"type": "string", "description": "a time in RFC 3339, or a day: `2026-11-22`"}

    def __init__(self, *, is_end: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._is_end = is_end

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> datetime:
        if not isinstance(value, str) or not _DAY.match(value):
            return super()._deserialize(value, attr, data, **kwargs)
        try:
            day = datetime.combine(date.fromisoformat(value), time(), UTC)
            return day + timedelta(days=1) - timedelta(milliseconds=1) if self._is_end else day
        except (ValueError, OverflowError):
            raise ValidationError("Not a valid day.") from None


class Money(fields.Decimal):
    """An amount that is not negative, given as number or string; loaded as a string: `12.50`."""

    documented = {
        "type": ["number", "string"],
        "minimum": 0,
        "maximum": 10**9,
        "pattern": r"^[0-9]{1,9}(\.[0-9]{1,9})?$",
    }

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            allow_nan=False, validate=validate.Range(Decimal(0), Decimal(10) ** 9), **kwargs
        )


class TimeZone(fields.String):
    """A name of the IANA time zone database."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            validate=validate.OneOf(TIMEZONES, error="Not a known IANA time zone."), **kwargs
        )


class Locale(fields.String):
    """A language tag such as `en` or `af-ZA`."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            validate=[validate.Length(2, 35), validate.Regexp(_LOCALE, error="Not a locale.")],
            **kwargs,
        )


class WallTime(fields.String):
    """A time of day: `HH:MM`, 24 hours."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            validate=validate.Regexp(_WALL_TIME, error='Not a time of day like "22:00".'), **kwargs
        )


class Stars(fields.Float):
    """How many of five stars, halves and tenths too; whole ones are loaded as a whole number."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(allow_nan=False, validate=validate.Range(1, 5), **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> float:
        if isinstance(value, bool | str):
            raise self.make_error("invalid", input=value)
        stars = float(super()._deserialize(value, attr, data, **kwargs))
        return int(stars) if stars.is_integer() else stars


class Flag(fields.Boolean):
    """`true` or `false`, and nothing that merely looks like it."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bool:
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return bool(super()._deserialize(value, attr, data, **kwargs))


class OneOf(fields.Field[Any]):
    """An object of one of several schemas; for the OpenAPI document."""

    def __init__(self, shapes: tuple[Schema, ...], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.shapes = shapes


class HttpUrl(fields.Url):
    """An absolute http or https URL of at most 2,048 characters."""

    documented = {"pattern": "^https?://"}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(schemes={"http", "https"}, require_tld=False, **kwargs)
        # The first URL has the expression compiled: 30 ms, for which the loop would wait.
        self.deserialize("https://example.org/")
        self.validators.append(validate.Length(max=2_048))
