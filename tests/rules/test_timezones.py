from __future__ import annotations

from zoneinfo import ZoneInfo, available_timezones

import pytest

from rules.timezones import DEFAULT_TIMEZONE, zone_of


def test_every_zone_of_the_database_is_found_under_its_name() -> None:
    assert {zone_of(name).key for name in available_timezones()} == available_timezones()


@pytest.mark.parametrize(
    "name", ["", "Mars/Olympus", "Africa", "../etc/passwd", "/etc/localtime", "a\0b", "x" * 5_000]
)
def test_what_is_no_zone_is_taken_for_the_default_one(name: str) -> None:
    assert zone_of(name) == ZoneInfo(DEFAULT_TIMEZONE)
