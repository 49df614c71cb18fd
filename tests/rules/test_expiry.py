from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from rules.expiry import planned, still_helps, told_at

EXPIRES = datetime(2026, 11, 26, 12, tzinfo=UTC)
MOMENT = timedelta(milliseconds=1)
TWO_HOURS = timedelta(hours=2)


def test_they_are_told_two_hours_before() -> None:
    assert told_at(EXPIRES) == EXPIRES - TWO_HOURS


@pytest.mark.parametrize(
    ("ahead", "is_planned"),
    [
        (timedelta(days=3), True),
        (TWO_HOURS, True),
        (TWO_HOURS - MOMENT, False),
        (timedelta(), False),
        (-TWO_HOURS, False),
    ],
)
def test_of_a_listing_announced_later_nobody_is_told(ahead: timedelta, *, is_planned: bool) -> None:
    at = planned(EXPIRES, announced_at=EXPIRES - ahead)
    assert at == (EXPIRES - TWO_HOURS if is_planned else None)


def test_after_an_outage_it_helps_until_the_listing_expires() -> None:
    assert still_helps(EXPIRES, at=EXPIRES - MOMENT)
    assert not still_helps(EXPIRES, at=EXPIRES)
