from __future__ import annotations

import pytest

from rules.events import LANE_OF_EVENT, Lane


@pytest.mark.parametrize(
    ("event_type", "lane"),
    [
        ("user.registered", Lane.SINGLE),
        ("user.updated", Lane.SINGLE),
        ("business.created", Lane.SINGLE),
        ("business.updated", Lane.SINGLE),
        ("listing.created", Lane.FAN_OUT),
        ("business_update.posted", Lane.FAN_OUT),
    ],
)
def test_what_concerns_all_followers_keeps_out_of_the_way_of_what_concerns_one(
    event_type: str, lane: Lane
) -> None:
    assert LANE_OF_EVENT[event_type] is lane


def test_lanes_are_stored_under_these_names() -> None:
    assert [str(lane) for lane in Lane] == ["single", "fan_out"]
