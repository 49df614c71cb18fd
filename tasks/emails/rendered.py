"""What a template makes of a letter."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """A mail without its headers."""

    subject: str
    html: str
    text: str
