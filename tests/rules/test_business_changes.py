from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rules.business_changes import Change, KnownBusiness

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
BAKERY = {"name": "Corner Bakery", "address": "1 Long Street", "rating": 4.5, "owner_id": "x"}


def known(**fields: Any) -> KnownBusiness:
    """Return a business as it has been known since noon."""
    said = BAKERY | fields
    return KnownBusiness(dict(said), dict.fromkeys(said, NOON))


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"name": "Old Bakery"}, {"name": Change("Corner Bakery", "Old Bakery")}),
        ({"address": "2 Long Street"}, {"address": Change("1 Long Street", "2 Long Street")}),
        ({"rating": 4.6}, {"rating": Change(4.5, 4.6)}),
        ({"logo": "https://x.example/l.png"}, {"logo": Change(None, "https://x.example/l.png")}),
        (
            {"name": "Old Bakery", "address": "1 Long Street", "rating": 5},
            {"name": Change("Corner Bakery", "Old Bakery"), "rating": Change(4.5, 5)},
        ),
        ({}, {}),
        (BAKERY, {}),
        ({"rating": 4.52}, {}),
        ({"owner_id": "y"}, {}),
        ({"address": None}, {}),
        ({"logo": None}, {}),
    ],
)
def test_what_looks_new_is_told(said: dict[str, Any], told: dict[str, Change]) -> None:
    assert known().learn(said, NOON + HOUR) == told


def test_what_is_older_than_what_is_known_is_told_to_nobody_and_changes_nothing() -> None:
    business = known()
    assert business.learn({"name": "Older", "logo": "https://x.example/l.png"}, NOON - HOUR) == {
        "logo": Change(None, "https://x.example/l.png")
    }
    assert business.fields["name"] == "Corner Bakery"


def test_the_same_said_twice_is_told_once() -> None:
    business = known()
    assert business.learn({"name": "Old Bakery"}, NOON + HOUR)
    assert business.learn({"name": "Old Bakery"}, NOON + HOUR) == {}
    assert business.learn({"name": "Old Bakery"}, NOON + 2 * HOUR) == {}


def test_of_two_at_the_same_time_the_last_counts() -> None:
    business = known()
    business.learn({"name": "One"}, NOON + HOUR)
    assert business.learn({"name": "Two"}, NOON + HOUR) == {"name": Change("One", "Two")}


@pytest.mark.parametrize("before", [{}, {"name": ""}])
def test_that_a_business_has_a_name_is_no_news(before: dict[str, Any]) -> None:
    assert KnownBusiness(before).learn({"name": "Corner Bakery"}, NOON) == {}
