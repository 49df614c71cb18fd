from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from rules.days import Days, day_of, ends_at, starts_at

THE_22ND = date(2026, 11, 22)


@pytest.mark.parametrize(
    ("at", "day"),
    [
        (datetime(2026, 11, 22, tzinfo=UTC), THE_22ND),
        (datetime(2026, 11, 22, 23, 59, 59, 999_999, tzinfo=UTC), THE_22ND),
        (datetime(2026, 11, 23, 1, tzinfo=timezone(timedelta(hours=2))), THE_22ND),
    ],
)
def test_a_day_is_one_of_utc(at: datetime, day: date) -> None:
    assert day_of(at) == day
    assert starts_at(day) <= at < ends_at(day)


def test_days_are_all_from_the_first_to_the_last() -> None:
    days = Days.until(THE_22ND, 3)
    assert list(days) == [date(2026, 11, 20), date(2026, 11, 21), THE_22ND]
    assert days == Days(date(2026, 11, 20), THE_22ND)
    assert len(days) == 3


def test_there_are_none_where_the_last_comes_before_the_first() -> None:
    days = Days(THE_22ND, date(2026, 11, 1))
    assert (len(days), list(days)) == (0, [])
