"""Tell whether what a notification says still helps when it can be sent at last."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from rules.reminders import Reminder, still_helps

_PASSES_WITH = {
    "new_listing": "expiry_date",
    "listing_expiring": "expiry_date",
    "pickup_reminder": "pickup_time",
}
"""Kind -> the time in its data with which it is over (contract section 5, quiet hours)."""


def is_still_true(kind: str, data: Mapping[str, Any], *, at: datetime) -> bool:
    """Tell whether a notification of `kind` with `data` is worth sending at `at`.

    The reminder of a day before is over when the one of an hour before takes its place.
    """
    passes_at = time_in(data, _PASSES_WITH.get(kind, ""))
    if passes_at is None:
        return True
    if kind == "pickup_reminder" and data.get("reminder") == Reminder.DAY:
        return still_helps(Reminder.DAY, passes_at, at=at)
    return at < passes_at


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
