from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from rules.segments import EVERYBODY, Segment, Traits

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
BAKERY, DAIRY = UUID(int=1), UUID(int=2)


def somebody(**traits: Any) -> Traits:
    known: dict[str, Any] = {
        "user_type": "ngo",
        "timezone": "Asia/Tokyo",
        "locale": "af-ZA",
        "last_active_at": NOON,
        "following": [BAKERY],
    }
    return Traits(**known | traits)


@pytest.mark.parametrize(
    ("segment", "is_in"),
    [
        (EVERYBODY, True),
        (Segment(user_types=("ngo",)), True),
        (Segment(user_types=("customer", "ngo")), True),
        (Segment(user_types=("customer",)), False),
        (Segment(timezone="Asia/Tokyo"), True),
        (Segment(timezone="Asia/Seoul"), False),
        (Segment(locales=("af",)), True),
        (Segment(locales=("AF_za",)), True),
        (Segment(locales=("zu", "af-ZA")), True),
        (Segment(locales=("af-NA",)), False),
        (Segment(locales=("a",)), False),
        (Segment(active_since=NOON), True),
        (Segment(active_since=NOON + SECOND), False),
        (Segment(followers_of=frozenset({BAKERY, DAIRY})), True),
        (Segment(followers_of=frozenset({DAIRY})), False),
        (Segment(user_types=("ngo",), timezone="Asia/Seoul"), False),
        (Segment(user_types=("ngo",), locales=("af",), active_since=NOON), True),
    ],
    ids=repr,
)
def test_all_conditions_have_to_hold(segment: Segment, *, is_in: bool) -> None:
    assert segment.has(somebody()) is is_in
    assert not segment.has(somebody(is_deleted=True))


def test_who_is_not_known_to_be_something_is_not() -> None:
    stranger = somebody(user_type=None, last_active_at=None)
    assert EVERYBODY.has(stranger)
    assert not Segment(user_types=("ngo",)).has(stranger)
    assert not Segment(active_since=NOON).has(stranger)
