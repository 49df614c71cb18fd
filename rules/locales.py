"""The languages that this service speaks, and which of them somebody understands."""

from __future__ import annotations

LOCALES = ("en", "af", "zu")
DEFAULT_LOCALE = "en"


def shipped_locale(locale: str) -> str:
    """Return the shipped language of a tag such as `af-ZA`, and English for any other."""
    language = locale.replace("_", "-").partition("-")[0].lower()
    return language if language in LOCALES else DEFAULT_LOCALE
