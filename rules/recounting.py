"""When a day is counted anew (contract section 2.6).

Notifications change long after their day: they are read three weeks later, or bounce tomorrow. Of
a busy platform every day of the last months changes every hour, so days are not counted when they
have changed but by their age: the older a day, the less of it changes, and the less often it is
counted. After ninety days it stays as it is, before its notifications begin to go.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

from rules.days import ends_at, starts_at

PATIENCE = 24
"""Counts are never older than a 24th of the age of their day: an hour after a day, a day after 24.
That is 122 counts of a day in a day, instead of 90 an hour."""

OPEN_FOR = timedelta(days=90)
"""As long as the inbox shows notifications; after six months their rows go (contract section 6)."""

ROWS_KEPT_DAYS = 183


def frozen_at(day: date) -> datetime:
    """Return from when on the counts of `day` stay as they are."""
    return ends_at(day) + OPEN_FOR


def is_open(day: date, counted_at: datetime | None) -> bool:
    """Tell whether the counts of `day`, made at `counted_at`, may still change."""
    return counted_at is None or counted_at < frozen_at(day)


def is_due(day: date, counted_at: datetime | None, *, at: datetime) -> bool:
    """Tell whether `day`, counted at `counted_at` if ever, is to be counted at `at`."""
    if not is_open(day, counted_at):
        return False
    if counted_at is None or at >= frozen_at(day):
        return True
    return at - counted_at >= (at - starts_at(day)) / PATIENCE
