"""Tell whether what a notification says still helps when it can be sent at last."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

from rules.reminders import Reminder, still_helps
from rules.weekly_digest import still_told

_PASSES_WITH = {
    "new_listing": "expiry_date",
    "listing_expiring": "expiry_date",
    "pickup_reminder": "pickup_time",
}
"""Kind -> the time in its data with which it is over (contract section 5, quiet hours)."""


def is_still_true(kind: str, data: Mapping[str, Any], *, at: datetime) -> bool:
    """Tell whether a notification of `kind` with `data` is worth sending at `at`."""
    return still_true(kind, data, at=at) is not None


def still_true(kind: str, data: Mapping[str, Any], *, at: datetime) -> Mapping[str, Any] | None:
    """Return what of `data` is worth sending at `at`, None when nothing is.

    The reminder of a day before is over when the one of an hour before takes its place.
    """
    if kind == "weekly_digest":
        # One that somebody made by hand has anything in it, which nobody judges.
        with suppress(ValueError, TypeError, KeyError):
            return still_told(data, at)
        return data
    passes_at = time_in(data, _PASSES_WITH.get(kind, ""))
    if passes_at is None:
        return data
    if kind == "pickup_reminder" and data.get("reminder") == Reminder.DAY:
        is_over = not still_helps(Reminder.DAY, passes_at, at=at)
    else:
        is_over = at >= passes_at
    return None if is_over else data


def time_in(data: Mapping[str, Any], name: str) -> datetime | None:
    """Return the time that `data` has under `name`; what is none, as a sender may put, is None."""
    value = data.get(name)
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None
