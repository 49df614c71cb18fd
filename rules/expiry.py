"""Say when those who are interested hear that a listing expires (contract section 5). Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

TOLD_BEFORE = timedelta(hours=2)


def told_at(expiry_date: datetime) -> datetime:
    """Return when they are told; who shows interest after that is not."""
    return expiry_date - TOLD_BEFORE


def planned(expiry_date: datetime, *, announced_at: datetime) -> datetime | None:
    """Return when to tell of a listing announced at `announced_at`, None when it is too late."""
    at = told_at(expiry_date)
    return at if announced_at <= at else None


def still_helps(expiry_date: datetime, *, at: datetime) -> bool:
    """Tell whether it is worth telling at `at`, when its time has come."""
    return at < expiry_date
