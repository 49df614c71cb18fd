"""What every user has, whatever makes one known: a place among all users, and what is in force.

See storage/segments.py for who reads it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rules.preferences import DEFAULT_LOCALE
from rules.slots import slot_of
from rules.timezones import DEFAULT_TIMEZONE

if TYPE_CHECKING:
    from uuid import UUID

    from storage.client import Document

_DEFAULTS = {"timezone": DEFAULT_TIMEZONE, "locale": DEFAULT_LOCALE}

IN_FORCE: dict[str, Any] = {
    "$set": {
        f"in_force.{name}": {"$ifNull": [f"$preferences.{name}", {"$ifNull": [f"${name}", value]}]}
        for name, value in _DEFAULTS.items()
    }
}
"""The stage of an update, after whatever changed a profile or preferences."""


def placed(user_id: UUID) -> Document:
    """Return the fields by which a user is found among all."""
    return {"slot": slot_of(user_id)}


def newcomer(user_id: UUID, user_type: str) -> Document:
    """Return the fields of somebody whose registration has not arrived, known by a token alone."""
    return {"user_type": user_type, **placed(user_id), "in_force": _DEFAULTS}
