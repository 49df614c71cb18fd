"""Dates are days of the user's own timezone (contract section 2.1)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from server.service import Service
from tests.server.inboxes import MINUTE, keep, keep_unread, listed
from tests.support.api import Api
from tests.support.world import Person, World

LOCAL_DAYS = {
    "Africa/Johannesburg": ("2025-11-21T22:00:00", "2025-11-22T21:59:59.999"),
    "America/New_York": ("2025-11-22T05:00:00", "2025-11-23T04:59:59.999"),
    "Pacific/Kiritimati": ("2025-11-21T10:00:00", "2025-11-22T09:59:59.999"),
    "UTC": ("2025-11-22T00:00:00", "2025-11-22T23:59:59.999"),
}
"""The first and the last moment of 22 November 2025."""


@pytest.mark.parametrize("zone", LOCAL_DAYS)
async def test_dates_are_days_of_the_users_own_timezone_both_inclusive(
    world: World, service: Service, zone: str
) -> None:
    person = await world.person(timezone=zone)
    first, last = (datetime.fromisoformat(text + "+00:00") for text in LOCAL_DAYS[zone])
    before, begin, end, after = await keep(
        service,
        person,
        {"created_at": first - timedelta(milliseconds=1)},
        {"created_at": first},
        {"created_at": last},
        {"created_at": last + timedelta(milliseconds=1)},
    )
    on_the_day = "date_from=2025-11-22&date_to=2025-11-22"
    assert await listed(world.api, person, f"?{on_the_day}") == [end, begin]
    assert await listed(world.api, person, "?date_from=2025-11-22") == [after, end, begin]
    assert await listed(world.api, person, "?date_to=2025-11-22") == [end, begin, before]


async def test_who_has_no_timezone_lives_in_south_africa(
    api: Api, service: Service, person: Person
) -> None:
    first, last = (
        datetime.fromisoformat(text + "+00:00") for text in LOCAL_DAYS["Africa/Johannesburg"]
    )
    ids = await keep(service, person, {"created_at": first}, {"created_at": last})
    on_the_day = "?date_from=2025-11-22&date_to=2025-11-22"
    assert await listed(api, person, on_the_day) == ids[::-1]


async def test_a_day_that_is_an_hour_short_is_a_day(world: World, service: Service) -> None:
    """New York, 9 March 2025: the clocks go forward, the day begins at 05:00 UTC."""
    person = await world.person(timezone="America/New_York")
    last = datetime(2025, 3, 10, 3, 59, tzinfo=UTC)
    ids = await keep(
        service,
        person,
        {"created_at": datetime(2025, 3, 9, 5, tzinfo=UTC)},
        {"created_at": last},
        {"created_at": last + MINUTE},
    )
    assert await listed(world.api, person, "?date_from=2025-03-09&date_to=2025-03-09") == [
        ids[1],
        ids[0],
    ]


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago"])
async def test_the_ends_of_the_calendar_are_days_like_others(
    world: World, service: Service, zone: str
) -> None:
    person = await world.person(timezone=zone)
    ids = await keep_unread(service, person, 1)
    assert await listed(world.api, person, "?date_from=0001-01-01&date_to=9999-12-31") == ids
    assert await listed(world.api, person, "?date_from=9999-12-31") == []
    assert await listed(world.api, person, "?date_to=0001-01-01") == []


async def test_a_range_that_ends_before_it_begins_holds_nothing(
    api: Api, service: Service, person: Person
) -> None:
    await keep_unread(service, person, 1)
    assert await listed(api, person, "?date_from=2025-11-23&date_to=2025-11-21") == []
