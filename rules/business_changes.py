"""Decide what of a changed business its followers are told (contract section 3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

TOLD = ("name", "address", "rating", "logo")
"""Who owns a business is nothing to those who follow it."""


@dataclass(frozen=True, slots=True)
class Change:
    """What a field said, None for nothing, and what it says now."""

    before: Any
    now: Any


@dataclass(slots=True)
class KnownBusiness:
    """What is known of a business, field by field, and since when each says so."""

    fields: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, datetime] = field(default_factory=dict)

    def learn(self, said: Mapping[str, Any], occurred_at: datetime) -> dict[str, Change]:
        """Take in what an event says, the newest value of each field winning.

        Return what there is to tell of it: not what was removed, nor what looks as before, nor
        that a business has a name at all.
        """
        told: dict[str, Change] = {}
        for name, now in said.items():
            known_since = self.versions.get(name)
            if known_since is not None and occurred_at < known_since:
                continue
            before = self.fields.get(name)
            is_first_name = name == "name" and not before
            if name in TOLD and not is_first_name and _is_news(before, now):
                told[name] = Change(before, now)
            self.fields[name] = now
            self.versions[name] = occurred_at
        return told


def _is_news(before: Any, now: Any) -> bool:
    return now is not None and _shown(now) != _shown(before)


def _shown(value: Any) -> Any:
    """Return what people see of a value: of a rating one decimal."""
    return f"{value:.1f}" if isinstance(value, int | float) else value
