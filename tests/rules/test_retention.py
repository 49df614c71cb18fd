from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from rules.retention import blanked_before, removed_before


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_what_is_personal_stays_for_90_days() -> None:
    now = at("2026-11-22T12:00")
    assert now - blanked_before(now) == timedelta(days=90)


@pytest.mark.parametrize(
    ("now", "before"),
    [
        ("2026-11-22T12:30", "2026-05-22T12:30"),
        ("2026-06-30T00:00", "2025-12-30T00:00"),
        ("2026-01-15T08:00", "2025-07-15T08:00"),
        # No such day six months ago: the last one that there was.
        ("2026-08-31T23:59", "2026-02-28T23:59"),
        ("2028-08-29T10:00", "2028-02-29T10:00"),
        ("2027-08-29T10:00", "2027-02-28T10:00"),
        ("2026-12-31T10:00", "2026-06-30T10:00"),
    ],
)
def test_rows_stay_for_six_months(now: str, before: str) -> None:
    assert removed_before(at(now)) == at(before)
