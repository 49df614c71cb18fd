from __future__ import annotations

from collections import Counter
from datetime import date

import pytest

from rules.engagement import NOTHING_RECEIVED
from rules.insights import COUNTED_FOR_BUSINESSES, BusinessCounts, best_hours
from rules.kinds import KINDS
from rules.timezones import zone_of

A_DAY = date(2026, 11, 22)
IN_SUMMER = date(2026, 7, 1)


def quarter(hour: int, minute: int = 0) -> int:
    return 4 * hour + minute // 15


def read(*quarters: int) -> BusinessCounts:
    return BusinessCounts(NOTHING_RECEIVED, Counter(quarters))


def test_only_kinds_of_the_table_are_counted_for_businesses() -> None:
    assert KINDS.keys() > COUNTED_FOR_BUSINESSES


@pytest.mark.parametrize(
    ("zone", "day", "hour"),
    [
        ("Africa/Johannesburg", A_DAY, 19),
        ("Europe/Berlin", A_DAY, 18),
        ("Europe/Berlin", IN_SUMMER, 19),
        ("Asia/Kolkata", A_DAY, 22),
        ("Asia/Kathmandu", A_DAY, 23),
        ("Pacific/Auckland", A_DAY, 6),
        ("America/New_York", A_DAY, 12),
    ],
)
def test_hours_are_those_of_the_clock_on_the_wall(zone: str, day: date, hour: int) -> None:
    assert best_hours({day: read(quarter(17, 15))}, zone_of(zone)) == [hour]


def test_the_best_hours_are_three_at_most_the_best_first() -> None:
    days = {
        A_DAY: read(quarter(9), quarter(9, 45), quarter(12), quarter(7)),
        IN_SUMMER: read(quarter(9, 15), quarter(12, 30), quarter(20), quarter(7)),
    }
    assert best_hours(days, zone_of("UTC")) == [9, 7, 12]


def test_where_nothing_was_read_no_hour_is_the_best() -> None:
    assert best_hours({A_DAY: BusinessCounts(), IN_SUMMER: read()}, zone_of("UTC")) == []
    unread = BusinessCounts()
    unread.add(NOTHING_RECEIVED, 4)
    assert best_hours({A_DAY: unread}, zone_of("UTC")) == []
