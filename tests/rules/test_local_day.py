from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.local_day import LocalDay

FROM = datetime(2000, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("at", "zone", "day", "ends_at"),
    [
        ("2026-11-26T21:59:59", "Africa/Johannesburg", date(2026, 11, 26), "2026-11-26T22:00:00"),
        ("2026-11-26T22:00:00", "Africa/Johannesburg", date(2026, 11, 27), "2026-11-27T22:00:00"),
        ("2026-10-25T00:00:00", "Europe/Berlin", date(2026, 10, 25), "2026-10-25T23:00:00"),
        ("2026-03-29T00:00:00", "Europe/Berlin", date(2026, 3, 29), "2026-03-29T22:00:00"),
        ("2026-11-26T10:00:00", "Pacific/Kiritimati", date(2026, 11, 27), "2026-11-27T10:00:00"),
    ],
)
def test_a_day_is_the_one_on_the_clocks_there(at: str, zone: str, day: date, ends_at: str) -> None:
    found = LocalDay.of(datetime.fromisoformat(at).replace(tzinfo=UTC), ZoneInfo(zone))
    assert found == LocalDay(day, datetime.fromisoformat(ends_at).replace(tzinfo=UTC))


@given(
    at=st.timedeltas(timedelta(0), timedelta(days=40 * 365)).map(FROM.__add__),
    zone=st.sampled_from(sorted(available_timezones())).map(ZoneInfo),
)
def test_a_day_ends_after_now_and_within_two(at: datetime, zone: ZoneInfo) -> None:
    assert timedelta(0) < LocalDay.of(at, zone).ends_at - at <= timedelta(days=2)
