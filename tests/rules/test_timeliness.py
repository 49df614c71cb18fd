from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from rules.timeliness import is_still_true

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)
BEFORE, AFTER = "2026-11-26T11:59:59Z", "2026-11-26T12:00:01Z"


@pytest.mark.parametrize(
    ("kind", "data", "is_true"),
    [
        ("new_listing", {"expiry_date": AFTER}, True),
        ("new_listing", {"expiry_date": BEFORE}, False),
        ("new_listing", {"expiry_date": "2026-11-26T12:00:00Z"}, False),
        ("new_listing", {"expiry_date": "2026-11-26T13:59:00+02:00"}, False),
        ("listing_expiring", {"expiry_date": BEFORE}, False),
        ("pickup_reminder", {"pickup_time": BEFORE}, False),
        ("pickup_reminder", {"pickup_time": AFTER}, True),
        ("pickup_reminder", {"pickup_time": AFTER, "reminder": "hour"}, True),
        ("pickup_reminder", {"pickup_time": "2026-11-26T13:00:01Z", "reminder": "day"}, True),
        ("pickup_reminder", {"pickup_time": "2026-11-26T13:00:00Z", "reminder": "day"}, False),
        ("review_received", {"expiry_date": BEFORE}, True),
        ("weekly_digest", {"until": BEFORE}, False),
        ("weekly_digest", {"until": AFTER, "listings": [], "recently_unread": 0}, False),
        ("weekly_digest", {"until": AFTER, "listings": [], "recently_unread": 1}, True),
        # As somebody sends it who makes digests by hand.
        ("weekly_digest", {}, True),
        ("weekly_digest", {"until": "Monday"}, True),
        ("weekly_digest", {"until": AFTER, "listings": "many"}, True),
        ("new_listing", {}, True),
        ("new_listing", {"expiry_date": 7}, True),
        ("new_listing", {"expiry_date": "soon"}, True),
        ("new_listing", {"expiry_date": "2026-11-26T11:00:00"}, True),
    ],
)
def test_what_has_passed_is_not_worth_sending(
    kind: str, data: dict[str, Any], *, is_true: bool
) -> None:
    assert is_still_true(kind, data, at=NOON) is is_true
