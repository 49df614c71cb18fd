from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.timezones import TIMEZONES, zone_of
from rules.weekly_digest import A_WEEK, next_week, still_told, week_due

SECOND = timedelta(seconds=1)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "due_at"),
    [
        ("Africa/Johannesburg", "2026-03-30T06:00"),
        ("Africa/Johannesburg", "2026-11-02T06:00"),
        # Clocks went forward the day before, and back.
        ("Europe/Berlin", "2026-03-23T07:00"),
        ("Europe/Berlin", "2026-03-30T06:00"),
        ("Europe/Berlin", "2026-10-19T06:00"),
        ("Europe/Berlin", "2026-10-26T07:00"),
        ("America/New_York", "2026-03-02T13:00"),
        ("America/New_York", "2026-03-09T12:00"),
        ("America/New_York", "2026-10-26T12:00"),
        ("America/New_York", "2026-11-02T13:00"),
        ("Asia/Kolkata", "2026-11-23T02:30"),
        ("Asia/Kathmandu", "2026-11-23T02:15"),
        ("Australia/Eucla", "2026-11-22T23:15"),
        ("Pacific/Chatham", "2026-11-22T18:15"),
        ("Pacific/Kiritimati", "2026-11-22T18:00"),
        ("Pacific/Pago_Pago", "2026-11-23T19:00"),
        # Clocks are changed on a Monday, at midnight.
        ("Africa/Cairo", "2026-11-02T06:00"),
    ],
)
def test_it_is_due_on_mondays_at_eight_by_the_clocks_there(zone: str, due_at: str) -> None:
    moment = at(due_at)
    assert week_due(ZoneInfo(zone), moment - SECOND) is None
    week = week_due(ZoneInfo(zone), moment)
    assert week is not None
    assert week.due_at == moment
    local = moment.astimezone(ZoneInfo(zone))
    assert (local.strftime("%A %H:%M"), week.monday) == ("Monday 08:00", local.date())


def test_late_on_the_same_day_it_still_helps_and_in_the_evening_not() -> None:
    zone = ZoneInfo("Africa/Johannesburg")
    week = week_due(zone, at("2026-11-23T17:59"))
    assert week is not None
    assert (week.monday, week.until) == (date(2026, 11, 23), at("2026-11-23T18:00"))
    assert week_due(zone, at("2026-11-23T18:00")) is None
    assert week_due(zone, at("2026-11-24T07:00")) is None


@pytest.mark.parametrize(
    ("moment", "due_at"),
    [
        ("2026-11-22T12:00", "2026-11-23T06:00"),
        ("2026-11-23T05:59", "2026-11-23T06:00"),
        ("2026-11-23T06:00", "2026-11-30T06:00"),
        ("2026-11-23T18:00", "2026-11-30T06:00"),
    ],
)
def test_the_next_week_is_another_once_this_one_is_due(moment: str, due_at: str) -> None:
    assert next_week(ZoneInfo("Africa/Johannesburg"), at(moment)).due_at == at(due_at)


moments = st.integers(0, 2 * 365 * 24 * 60).map(
    lambda minutes: at("2026-01-01") + timedelta(minutes=minutes)
)


@given(st.sampled_from(sorted(TIMEZONES)), moments)
def test_the_next_week_is_the_first_to_become_due(name: str, moment: datetime) -> None:
    zone = zone_of(name)
    week = next_week(zone, moment)
    assert moment < week.due_at <= moment + A_WEEK + timedelta(hours=2)
    assert week_due(zone, week.due_at) == week
    assert week_due(zone, week.due_at - SECOND) is None
    now = week_due(zone, moment)
    if now is not None:
        assert week.monday == now.monday + A_WEEK


NOON = at("2026-11-23T12:00")


def digest(*expiry_dates: str, **changes: Any) -> dict[str, Any]:
    listings = [{"listing_name": each, "expiry_date": f"2026-11-{each}Z"} for each in expiry_dates]
    return {
        "week": "2026-11-23",
        "until": "2026-11-23T18:00:00+00:00",
        "listings": listings,
        "offers": len(listings) + 2,
        "recently_unread": 0,
    } | changes


def test_what_has_gone_drops_out_and_is_not_counted() -> None:
    told = still_told(digest("23T11:59:59", "23T12:00:01", "23T12:00:00"), NOON)
    assert told is not None
    assert [each["listing_name"] for each in told["listings"]] == ["23T12:00:01"]
    assert told["offers"] == 3


@pytest.mark.parametrize(
    ("data", "is_told"),
    [
        (digest("23T13:00:00"), True),
        (digest("23T11:00:00"), False),
        (digest("23T11:00:00", recently_unread=2), True),
        (digest(), False),
        (digest(recently_unread=1), True),
        (digest("30T13:00:00", until="2026-11-23T12:00:00+00:00"), False),
    ],
)
def test_a_digest_with_nothing_left_is_not_worth_a_mail(
    data: dict[str, Any], *, is_told: bool
) -> None:
    assert (still_told(data, NOON) is not None) is is_told
