from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.engagement import NOTHING_RECEIVED, Engagement


@pytest.mark.parametrize(
    ("received", "read", "clicked", "score"),
    [
        (4, 0, 0, 0.0),
        (4, 4, 0, 7.0),
        (4, 4, 4, 10.0),
        (4, 2, 1, 4.2),
        (3, 1, 0, 2.3),
        (3, 2, 1, 5.7),
        (1_000, 7, 0, 0.0),
    ],
)
def test_reading_weighs_seven_and_clicking_three_of_ten(
    received: int, read: int, clicked: int, score: float
) -> None:
    assert Engagement(received, read, clicked).score == score


def test_who_has_received_nothing_scores_nothing() -> None:
    assert NOTHING_RECEIVED.score == 0.0


@given(st.data())
def test_a_score_is_between_0_and_10_with_one_decimal(data: st.DataObject) -> None:
    received = data.draw(st.integers(1, 10_000))
    read = data.draw(st.integers(0, received))
    score = Engagement(received, read, data.draw(st.integers(0, read))).score
    assert 0.0 <= score <= 10.0
    assert score == float(f"{score:.1f}")


def test_rates_are_shares_of_what_was_received_to_four_decimals() -> None:
    engagement = Engagement(3, 2, 1)
    assert (engagement.read_rate, engagement.click_rate) == (0.6667, 0.3333)
    assert (NOTHING_RECEIVED.read_rate, NOTHING_RECEIVED.click_rate) == (0.0, 0.0)


def test_engagement_adds_up() -> None:
    assert Engagement(3, 2, 1) + Engagement(4, 0, 0) + NOTHING_RECEIVED == Engagement(7, 2, 1)
