from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.local_day import LocalDay

FROM = datetime(2000, 1, 1, tzinfo=UTC)
SINCE_2020 = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("at", "zone", "day", "starts_at", "ends_at"),
    [
        (
            "2026-11-26T21:59:59",
            "Africa/Johannesburg",
            date(2026, 11, 26),
            "2026-11-25T22:00:00",
            "2026-11-26T22:00:00",
        ),
        (
            "2026-11-26T22:00:00",
            "Africa/Johannesburg",
            date(2026, 11, 27),
            "2026-11-26T22:00:00",
            "2026-11-27T22:00:00",
        ),
        (
            "2026-10-25T00:00:00",
            "Europe/Berlin",
            date(2026, 10, 25),
            "2026-10-24T22:00:00",
            "2026-10-25T23:00:00",
        ),
        (
            "2026-03-29T00:00:00",
            "Europe/Berlin",
            date(2026, 3, 29),
            "2026-03-28T23:00:00",
            "2026-03-29T22:00:00",
        ),
        (
            "2026-11-26T10:00:00",
            "Pacific/Kiritimati",
            date(2026, 11, 27),
            "2026-11-26T10:00:00",
            "2026-11-27T10:00:00",
        ),
        # Clocks go from midnight to one, and from midnight back to eleven.
        (
            "2026-04-24T09:00:00",
            "Africa/Cairo",
            date(2026, 4, 24),
            "2026-04-23T22:00:00",
            "2026-04-24T21:00:00",
        ),
        (
            "2026-10-29T09:00:00",
            "Africa/Cairo",
            date(2026, 10, 29),
            "2026-10-28T21:00:00",
            "2026-10-29T22:00:00",
        ),
    ],
)
def test_a_day_is_the_one_on_the_clocks_there(
    at: str, zone: str, day: date, starts_at: str, ends_at: str
) -> None:
    instants = [datetime.fromisoformat(each).replace(tzinfo=UTC) for each in (starts_at, ends_at)]
    found = LocalDay.of(datetime.fromisoformat(at).replace(tzinfo=UTC), ZoneInfo(zone))
    assert found == LocalDay(day, *instants)


@given(
    at=st.timedeltas(timedelta(0), timedelta(days=40 * 365)).map(FROM.__add__),
    zone=st.sampled_from(sorted(available_timezones())).map(ZoneInfo),
)
def test_a_day_ends_after_now_and_within_two(at: datetime, zone: ZoneInfo) -> None:
    assert timedelta(0) < LocalDay.of(at, zone).ends_at - at <= timedelta(days=2)


@given(
    # Earlier some clocks went back over midnight, and so into the day before.
    at=st.timedeltas(timedelta(0), timedelta(days=20 * 365)).map(SINCE_2020.__add__),
    zone=st.sampled_from(sorted(available_timezones())).map(ZoneInfo),
)
def test_a_day_holds_its_own_instants_and_no_others(at: datetime, zone: ZoneInfo) -> None:
    day = LocalDay.of(at, zone)
    assert day.holds(at)
    assert day.holds(day.starts_at)
    assert not day.holds(day.ends_at)
    second = timedelta(seconds=1)
    assert (day.starts_at - second).astimezone(zone).date() != day.date
    assert (day.ends_at - second).astimezone(zone).date() == day.date
    assert day.ends_at.astimezone(zone).date() != day.date
