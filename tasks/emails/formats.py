"""Write times, money and lists as the recipient's language and time zone have them.

What a notification's data holds is anybody's: what is none of these is shown as the text that it
is, or not at all (None).
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from babel import Locale
from babel.dates import format_date
from babel.numbers import format_currency, get_currency_symbol

from rules.text import shorten
from rules.timezones import zone_of

if TYPE_CHECKING:
    from collections.abc import Sequence

LONGEST_TEXT = 300
MOST_ITEMS = 20

_LOCALES = {"en": "en_ZA", "af": "af_ZA", "zu": "zu_ZA"}
_DATES = {"en_ZA": "d MMMM y", "af_ZA": "d MMMM y", "zu_ZA": "d MMMM y"}

_FEWEST_DIGITS, _MOST_DIGITS = -6, 12
"""Beyond these a number is no price, and writing it out would fill the mail."""

DEFAULT_CURRENCY = "ZAR"


class Formats:
    """The ways of one language in one time zone."""

    __slots__ = ("_locale", "_zone")

    def __init__(self, language: str, timezone: str) -> None:
        self._locale = _LOCALES[language]
        self._zone = timezone

    def date(self, value: Any) -> str | None:
        """Return a time such as `2026-11-26T18:00:00Z` as `26 November 2026, 20:00`."""
        if isinstance(value, datetime):
            return _date(value.isoformat(), self._locale, self._zone)
        return _date(value, self._locale, self._zone) if isinstance(value, str) else None

    def money(self, value: Any, currency: Any = None) -> str | None:
        """Return an amount such as `25.00` as `R25.00`."""
        code = currency if isinstance(currency, str) and currency else DEFAULT_CURRENCY
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            return _money(str(value), code, self._locale)
        return None


def text(value: Any) -> str | None:
    """Return a text or a number on one line, and None for all else."""
    if isinstance(value, str):
        return shorten(" ".join(value.split()), LONGEST_TEXT) or None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return f"{value:g}" if isinstance(value, float) and math.isfinite(value) else str(value)


def stars(value: Any) -> str | None:
    """Return a rating of 1 to 5 as so many stars of five."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 1 <= value <= 5:
        return None
    return "★" * round(value) + "☆" * (5 - round(value))


def listed(value: Any) -> str | None:
    """Return names, or objects with `name` and `quantity`, on one line."""
    if not isinstance(value, list):
        return text(value)
    names = [_item(each) for each in value[:MOST_ITEMS]]
    return shorten(", ".join(filter(None, names)), LONGEST_TEXT) or None


def given(pairs: Sequence[tuple[str, str | None]]) -> list[tuple[str, str]]:
    """Return those of the label-value pairs that have a value."""
    return [(label, value) for label, value in pairs if value]


def _item(item: Any) -> str | None:
    if not isinstance(item, dict):
        return text(item)
    name, quantity = text(item.get("name")), text(item.get("quantity"))
    return f"{quantity} \N{MULTIPLICATION SIGN} {name}" if name and quantity else name


# A fan-out says the same to thousands, and Babel takes 20 to 50 µs for each.
@lru_cache(maxsize=1_024)
def _date(value: str, locale: str, zone: str) -> str | None:
    try:
        at = datetime.fromisoformat(value)
        local = (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(zone_of(zone))
    except (ValueError, OverflowError):
        return text(value)
    return f"{format_date(local, _DATES[locale], locale=locale)}, {local:%H:%M}"


@lru_cache(maxsize=1_024)
def _money(value: str, currency: str, locale: str) -> str | None:
    try:
        amount = Decimal(value)
    except InvalidOperation:
        return text(value)
    if not amount.is_finite() or not _FEWEST_DIGITS <= amount.adjusted() <= _MOST_DIGITS:
        return text(value)
    if locale == "en_ZA":
        # Its decimal comma is the official one; shops and people write R25.00.
        symbol = get_currency_symbol(currency, locale=locale)
        amount_only = format_currency(
            amount, currency, "#,##0.00", locale="en", currency_digits=False
        )
        return f"{symbol}{amount_only}"
    return format_currency(amount, currency, locale=Locale.parse(locale))
