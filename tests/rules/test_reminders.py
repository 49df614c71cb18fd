from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.reminders import Reminder, planned, still_helps

PICKUP = datetime(2026, 11, 26, 12, tzinfo=UTC)
MOMENT = timedelta(milliseconds=1)
DAY, HOUR, MISSED = timedelta(hours=24), timedelta(hours=1), timedelta(minutes=30)


@pytest.mark.parametrize(
    ("ahead", "day", "hour", "missed"),
    [
        (timedelta(days=3), DAY, HOUR, True),
        (DAY + MOMENT, DAY, HOUR, True),
        (DAY, DAY, HOUR, True),
        (DAY - MOMENT, DAY - MOMENT, HOUR, True),
        (timedelta(hours=2), timedelta(hours=2), HOUR, True),
        (HOUR + MOMENT, HOUR + MOMENT, HOUR, True),
        (HOUR, None, HOUR, True),
        (HOUR - MOMENT, None, HOUR - MOMENT, True),
        (MOMENT, None, MOMENT, True),
        (timedelta(), None, None, True),
        (-MOMENT, None, None, True),
        (MOMENT - MISSED, None, None, True),
        (-MISSED, None, None, False),
        (-MISSED - MOMENT, None, None, False),
    ],
)
def test_what_is_told_of_a_pickup_announced_so_long_before_it(
    ahead: timedelta, day: timedelta | None, hour: timedelta | None, *, missed: bool
) -> None:
    """`day` and `hour` are how long before the pickup it is told."""
    wanted = {Reminder.DAY: day, Reminder.HOUR: hour, Reminder.MISSED: -MISSED if missed else None}
    assert planned(PICKUP, announced_at=PICKUP - ahead) == {
        reminder: PICKUP - before for reminder, before in wanted.items() if before is not None
    }


@pytest.mark.parametrize(
    ("reminder", "closes"),
    [
        (Reminder.DAY, -HOUR),
        (Reminder.HOUR, timedelta()),
        (Reminder.MISSED, MISSED + timedelta(hours=24)),
    ],
)
def test_a_reminder_helps_until_the_next_takes_its_place(
    reminder: Reminder, closes: timedelta
) -> None:
    assert still_helps(reminder, PICKUP, at=PICKUP + closes - MOMENT)
    assert not still_helps(reminder, PICKUP, at=PICKUP + closes)


@given(ahead=st.timedeltas(-timedelta(days=2), timedelta(days=40)))
def test_what_is_planned_helps_at_its_time_and_is_not_in_the_past(ahead: timedelta) -> None:
    announced_at = PICKUP - ahead
    for reminder, at in planned(PICKUP, announced_at=announced_at).items():
        assert at >= announced_at
        assert still_helps(reminder, PICKUP, at=at)


@given(at=st.timedeltas(-timedelta(days=2), timedelta(days=2)))
def test_at_no_time_does_more_than_one_of_those_before_the_pickup_have_its_turn(
    at: timedelta,
) -> None:
    """After an outage that ends at `at`."""
    times = planned(PICKUP, announced_at=PICKUP - timedelta(days=30))
    now = PICKUP + at
    told = {
        reminder
        for reminder, due_at in times.items()
        if due_at <= now and still_helps(reminder, PICKUP, at=now)
    }
    assert len(told) <= 1
