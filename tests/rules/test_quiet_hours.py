from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rules.quiet_hours import QuietHours, quiet_until

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
A_DAY = timedelta(days=1)

JOHANNESBURG = "Africa/Johannesburg"
NEW_YORK = "America/New_York"
"""Forward on 8 March 2026 at 07:00Z (02:00 -> 03:00), back on 1 November at 06:00Z."""

FROM = datetime(2020, 1, 1, tzinfo=UTC)
TO = datetime(2031, 1, 1, tzinfo=UTC)
SAMPLED_EVERY = timedelta(days=7)
"""Less than the shortest time between two shifts, which is 28 days."""


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def window(start: str, end: str) -> QuietHours:
    return QuietHours(start=time.fromisoformat(start), end=time.fromisoformat(end))


NIGHT = window("22:00", "07:00")


def test_the_defaults_are_the_contracts() -> None:
    assert QuietHours() == QuietHours(is_enabled=True, start=time(22), end=time(7))


@pytest.mark.parametrize(
    ("zone", "hours", "asked", "until"),
    [
        (JOHANNESBURG, NIGHT, "2026-11-22T19:59:59.999Z", None),
        (JOHANNESBURG, NIGHT, "2026-11-22T20:00:00Z", "2026-11-23T05:00:00Z"),
        (JOHANNESBURG, NIGHT, "2026-11-22T22:30:15.250Z", "2026-11-23T05:00:00Z"),
        (JOHANNESBURG, NIGHT, "2026-11-23T04:59:59.999Z", "2026-11-23T05:00:00Z"),
        (JOHANNESBURG, NIGHT, "2026-11-23T05:00:00Z", None),
        (JOHANNESBURG, window("13:00", "14:30"), "2026-11-22T11:00:00Z", "2026-11-22T12:30:00Z"),
        (JOHANNESBURG, window("13:00", "14:30"), "2026-11-22T12:30:00Z", None),
        (JOHANNESBURG, window("13:00", "14:30"), "2026-11-22T10:59:00Z", None),
        (JOHANNESBURG, window("20:00", "00:00"), "2026-11-22T21:59:00Z", "2026-11-22T22:00:00Z"),
        (JOHANNESBURG, window("20:00", "00:00"), "2026-11-22T22:00:00Z", None),
        (JOHANNESBURG, window("00:00", "23:59"), "2026-11-22T22:00:00Z", "2026-11-23T21:59:00Z"),
        ("Asia/Kathmandu", NIGHT, "2026-11-22T16:15:00Z", "2026-11-23T01:15:00Z"),
        ("Pacific/Kiritimati", NIGHT, "2026-11-22T08:00:00Z", "2026-11-22T17:00:00Z"),
    ],
)
def test_it_is_quiet_from_the_start_until_the_end_of_the_window(
    zone: str, hours: QuietHours, asked: str, until: str | None
) -> None:
    expected = None if until is None else at(until)
    assert quiet_until(hours, ZoneInfo(zone), at(asked)) == expected


@pytest.mark.parametrize(
    ("hours", "asked", "until"),
    [
        # The night is an hour shorter in March and longer in November: what counts is the clock.
        (NIGHT, "2026-03-08T03:00:00Z", "2026-03-08T11:00:00Z"),
        (NIGHT, "2026-11-01T02:00:00Z", "2026-11-01T12:00:00Z"),
        # An end that no clock shows that night: quiet until they go forward over it.
        (window("22:00", "02:30"), "2026-03-08T06:59:00Z", "2026-03-08T07:00:00Z"),
        (window("22:00", "02:00"), "2026-03-08T06:59:00Z", "2026-03-08T07:00:00Z"),
        (window("22:00", "03:00"), "2026-03-08T06:59:00Z", "2026-03-08T07:00:00Z"),
        # A window that no clock shows that night.
        (window("02:10", "02:50"), "2026-03-08T07:10:00Z", None),
        # An end that clocks show twice: over when they first do, quiet again when they go back.
        (window("22:00", "01:30"), "2026-11-01T05:00:00Z", "2026-11-01T05:30:00Z"),
        (window("22:00", "01:30"), "2026-11-01T05:30:00Z", None),
        (window("22:00", "01:30"), "2026-11-01T06:10:00Z", "2026-11-01T06:30:00Z"),
        # Clocks that go back from the very end of the window into it.
        (window("22:00", "02:00"), "2026-11-01T05:10:00Z", "2026-11-01T07:00:00Z"),
        # Clocks that go back out of the window.
        (window("01:30", "04:00"), "2026-11-01T05:45:00Z", "2026-11-01T06:00:00Z"),
    ],
)
def test_the_end_is_found_on_the_clock_when_clocks_are_changed(
    hours: QuietHours, asked: str, until: str | None
) -> None:
    expected = None if until is None else at(until)
    assert quiet_until(hours, ZoneInfo(NEW_YORK), at(asked)) == expected


@pytest.mark.parametrize("hour", range(24))
def test_equal_start_and_end_are_never_quiet(hour: int) -> None:
    hours = window("22:00", "22:00")
    asked = at("2026-11-22T00:00:00Z") + hour * HOUR
    assert quiet_until(hours, ZoneInfo(JOHANNESBURG), asked) is None


def test_switched_off_they_are_never_quiet() -> None:
    off = QuietHours(is_enabled=False)
    assert quiet_until(off, ZoneInfo(JOHANNESBURG), at("2026-11-22T23:00:00Z")) is None


def test_an_instant_may_be_given_in_any_zone_and_the_end_comes_in_utc() -> None:
    asked = at("2026-11-22T23:30:00+02:00")
    until = quiet_until(NIGHT, ZoneInfo(JOHANNESBURG), asked)
    assert until == at("2026-11-23T05:00:00Z")
    assert until.tzinfo is UTC


def slow_model(hours: QuietHours, zone: ZoneInfo, asked: datetime) -> datetime | None:
    """Walk minute by minute until clocks show what is outside; shifts are at whole minutes."""

    def is_quiet(moment: datetime) -> bool:
        shown = moment.astimezone(zone)
        minute = shown.hour * 60 + shown.minute
        start = hours.start.hour * 60 + hours.start.minute
        end = hours.end.hour * 60 + hours.end.minute
        length = (end - start) % (24 * 60)
        return (minute - start) % (24 * 60) < length

    if not is_quiet(asked):
        return None
    moment = asked.replace(second=0, microsecond=0) + MINUTE
    while is_quiet(moment):
        moment += MINUTE
    return moment


@cache
def shifts(name: str) -> list[datetime]:
    """Return when the clocks of a zone are shifted, to the minute."""
    zone = ZoneInfo(name)

    def offset(moment: datetime) -> timedelta | None:
        return moment.astimezone(zone).utcoffset()

    def first_minute_after(earlier: datetime, later: datetime) -> datetime:
        minutes = range(int(SAMPLED_EVERY / MINUTE))
        return earlier + MINUTE * bisect_left(
            minutes, True, key=lambda count: offset(earlier + count * MINUTE) == offset(later)
        )

    sampled = [FROM + count * SAMPLED_EVERY for count in range((TO - FROM) // SAMPLED_EVERY)]
    offsets = [offset(moment) for moment in sampled]
    return [
        first_minute_after(sampled[place], later)
        for place, later in enumerate(sampled[1:])
        if offsets[place] != offsets[place + 1]
    ]


ZONES = sorted(available_timezones())


@st.composite
def moments(draw: st.DrawFn) -> tuple[str, datetime]:
    """Return a zone and an instant, near a shift of its clocks where there are any."""
    name = draw(st.sampled_from(ZONES))
    near = draw(st.sampled_from(shifts(name) or [FROM]))
    return name, near + timedelta(milliseconds=draw(st.integers(-30 * 3_600_000, 6 * 3_600_000)))


WALL_TIMES = st.builds(time, st.integers(0, 23), st.integers(0, 59))


@settings(max_examples=400)
@given(moment=moments(), start=WALL_TIMES, end=WALL_TIMES)
@example(
    moment=("Australia/Lord_Howe", at("2026-04-04T14:45:00Z")), start=time(22), end=time(1, 45)
)
@example(moment=("Africa/Cairo", at("2026-04-23T21:30:00Z")), start=time(22), end=time(0, 30))
@example(moment=("Antarctica/Troll", at("2026-03-29T00:30:00Z")), start=time(22), end=time(2, 30))
def test_quiet_hours_end_when_a_walk_minute_by_minute_says_so(
    moment: tuple[str, datetime], start: time, end: time
) -> None:
    name, asked = moment
    hours, zone = QuietHours(start=start, end=end), ZoneInfo(name)
    assert quiet_until(hours, zone, asked) == slow_model(hours, zone, asked)


def each_sort_of_shift() -> Iterator[tuple[str, datetime]]:
    """Yield one shift of each that clocks can show: from which time of day to which."""
    known = set()
    for name in ZONES:
        zone = ZoneInfo(name)
        for shift in shifts(name):
            before, after = (shift - MINUTE).astimezone(zone), shift.astimezone(zone)
            sort = (before.time(), after.time())
            if sort not in known:
                known.add(sort)
                yield name, shift


def test_every_sort_of_shift_in_every_zone_agrees_with_the_walk() -> None:
    """For windows that begin, end, or do both within what a shift skips or repeats."""
    sorts = list(each_sort_of_shift())
    assert len(sorts) > 20
    for name, shift in sorts:
        zone = ZoneInfo(name)
        before, after = (shift - MINUTE).astimezone(zone), shift.astimezone(zone)
        early, late = sorted([before.time(), after.time()])
        ends = [early, late, (datetime.combine(FROM, early) + 17 * MINUTE).time(), time(12)]
        for start, end in [*pairwise(ends), *((time(18), end) for end in ends)]:
            hours = QuietHours(start=start, end=end)
            for away in (-90, -31, -1, 0, 1, 29, 61):
                asked = shift + away * MINUTE
                assert quiet_until(hours, zone, asked) == slow_model(hours, zone, asked), (
                    name,
                    asked,
                    hours,
                )
