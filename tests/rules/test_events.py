from __future__ import annotations

import pytest

from rules.events import LANE_OF_EVENT, Lane, lane_of


@pytest.mark.parametrize(
    ("event_type", "lane"),
    [
        ("user.registered", Lane.READ_MODEL),
        ("user.updated", Lane.READ_MODEL),
        ("business.created", Lane.READ_MODEL),
        ("business.updated", Lane.READ_MODEL),
        ("listing.created", Lane.FAN_OUT),
        ("business_update.posted", Lane.FAN_OUT),
        ("notification.requested", Lane.SINGLE),
        ("business_profile.changed", Lane.FAN_OUT),
        ("weekly_digest.due", Lane.FAN_OUT),
        ("user.deleted", Lane.READ_MODEL),
        ("listing.interest", Lane.READ_MODEL),
        ("listing.removed", Lane.READ_MODEL),
        ("pickup.scheduled", Lane.READ_MODEL),
        ("pickup.completed", Lane.READ_MODEL),
        ("pickup.cancelled", Lane.READ_MODEL),
        ("interaction.status_changed", Lane.SINGLE),
        ("review.created", Lane.SINGLE),
        ("verification.status_changed", Lane.SINGLE),
    ],
)
def test_what_concerns_all_followers_keeps_out_of_the_way_of_what_concerns_one(
    event_type: str, lane: Lane
) -> None:
    assert LANE_OF_EVENT[event_type] is lane
    assert lane_of(event_type) is lane


def test_what_is_critical_for_one_recipient_has_a_lane_of_its_own() -> None:
    assert lane_of("review.created", is_critical=True) is Lane.CRITICAL
    assert lane_of("listing.created", is_critical=True) is Lane.FAN_OUT


def test_lanes_are_stored_under_these_names() -> None:
    names = ["read_model", "critical", "single", "fan_out", "share", "campaign"]
    assert [str(lane) for lane in Lane] == names
