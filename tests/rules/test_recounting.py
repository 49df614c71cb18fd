from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.days import ends_at
from rules.recounting import frozen_at, is_due, is_open

DAY = date(2026, 8, 1)
OVER = ends_at(DAY)
FROZEN = frozen_at(DAY)
SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)


def test_a_day_stays_as_it_is_ninety_days_after_it_is_over() -> None:
    assert datetime(2026, 10, 31, tzinfo=UTC) == FROZEN
    assert is_open(DAY, None)
    assert is_open(DAY, FROZEN - SECOND)
    assert not is_open(DAY, FROZEN)


@pytest.mark.parametrize(
    ("counted_at", "at", "is_so"),
    [
        (None, OVER, True),
        (None, FROZEN + HOUR, True),
        (OVER, OVER + HOUR, False),
        (OVER, OVER + 1.1 * HOUR, True),
        (OVER + 29 * 24 * HOUR, OVER + 30 * 24 * HOUR, False),
        (OVER + 28 * 24 * HOUR, OVER + 30 * 24 * HOUR, True),
        (FROZEN - SECOND, FROZEN, True),
        (FROZEN, FROZEN + 24 * HOUR, False),
    ],
)
def test_the_older_a_day_the_less_often_it_is_counted(
    counted_at: datetime | None, at: datetime, is_so: bool
) -> None:
    assert is_due(DAY, counted_at, at=at) is is_so


@given(st.timedeltas(timedelta(), FROZEN - OVER - 4 * 24 * HOUR))
def test_counts_are_never_older_than_a_24th_of_the_age_of_their_day(since: timedelta) -> None:
    counted_at = OVER + since
    age = since + 24 * HOUR
    assert not is_due(DAY, counted_at, at=counted_at + age / 24)
    assert is_due(DAY, counted_at, at=counted_at + age / 23 + SECOND)


def test_a_day_is_counted_a_bounded_number_of_times() -> None:
    at, counted_at, times = OVER, None, 0
    while at < FROZEN + 24 * HOUR:
        if is_due(DAY, counted_at, at=at):
            counted_at, times = at, times + 1
        at += timedelta(minutes=5)
    assert times < 125
