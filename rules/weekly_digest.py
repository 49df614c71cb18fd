"""When the digest of a week is due, what is worth telling in it, and until when it helps.

Contract section 5: on Mondays at 08:00 by the clocks at each user's place, to those who have
something to be told.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

MONDAY = 0
"""As `date.weekday` counts."""

DUE_AT = time(8)

HELPS_UNTIL = time(20)
"""A digest that could not be sent before is not sent any more: the evening is not for it."""

A_WEEK = timedelta(days=7)

MOST_LISTINGS = 10
"""In one mail; how many there are in all, it says."""


@dataclass(frozen=True, slots=True)
class Week:
    """The week whose digest is due on `monday`, in one time zone."""

    monday: date
    due_at: datetime
    until: datetime
    """When it does not help any more."""


def week_due(zone: ZoneInfo, at: datetime) -> Week | None:
    """Return the week whose digest is due in `zone` at `at` and still helps, or None."""
    today = at.astimezone(zone).date()
    if today.weekday() != MONDAY:
        return None
    week = _week(today, zone)
    return week if week.due_at <= at < week.until else None


def next_week(zone: ZoneInfo, at: datetime) -> Week:
    """Return the week whose digest is the next to become due in `zone` after `at`."""
    today = at.astimezone(zone).date()
    monday = today - timedelta(days=today.weekday())
    week = _week(monday, zone)
    return week if week.due_at > at else _week(monday + A_WEEK, zone)


def _week(monday: date, zone: ZoneInfo) -> Week:
    due_at, until = (
        datetime.combine(monday, wall, zone).astimezone(UTC) for wall in (DUE_AT, HELPS_UNTIL)
    )
    return Week(monday, due_at, until)


def still_told(data: Mapping[str, Any], at: datetime) -> Mapping[str, Any] | None:
    """Return what of a digest's data still holds at `at`, None when that is not worth a mail."""
    if at >= datetime.fromisoformat(data["until"]):
        return None
    listings = [
        listing
        for listing in data["listings"]
        if at < datetime.fromisoformat(listing["expiry_date"])
    ]
    if not listings and not data["recently_unread"]:
        return None
    gone = len(data["listings"]) - len(listings)
    return {**data, "listings": listings, "offers": data["offers"] - gone}
