from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.audience import Gap, was_following

TEN = datetime(2026, 11, 22, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)
INSTANT = timedelta(microseconds=1)

AWAY = Gap(since=TEN + HOUR, until=TEN + 2 * HOUR)
AWAY_AGAIN = Gap(since=TEN + 3 * HOUR, until=TEN + 4 * HOUR)


@pytest.mark.parametrize(
    ("gaps", "at", "is_reached"),
    [
        pytest.param((), TEN - INSTANT, False, id="just before the first follow"),
        pytest.param((), TEN, True, id="at the first follow"),
        pytest.param((), TEN + 100 * HOUR, True, id="long after it"),
        pytest.param((AWAY,), TEN + HOUR - INSTANT, True, id="just before the unfollow"),
        pytest.param((AWAY,), TEN + HOUR, False, id="at the unfollow"),
        pytest.param((AWAY,), TEN + 2 * HOUR - INSTANT, False, id="just before the restore"),
        pytest.param((AWAY,), TEN + 2 * HOUR, True, id="at the restore"),
        pytest.param((AWAY,), TEN - INSTANT, False, id="before the first follow, with a gap"),
        pytest.param((AWAY, AWAY_AGAIN), TEN + 2.5 * HOUR, True, id="between two gaps"),
        pytest.param((AWAY, AWAY_AGAIN), TEN + 1.5 * HOUR, False, id="in the first of two gaps"),
        pytest.param((AWAY, AWAY_AGAIN), TEN + 3.5 * HOUR, False, id="in the second of two gaps"),
        pytest.param((AWAY, AWAY_AGAIN), TEN + 4 * HOUR, True, id="after two gaps"),
        pytest.param((Gap(TEN, TEN),), TEN, True, id="in a gap of no length"),
    ],
)
def test_a_fan_out_reaches_who_followed_when_it_was_accepted(
    gaps: tuple[Gap, ...], at: datetime, *, is_reached: bool
) -> None:
    assert was_following(first_followed_at=TEN, gaps=gaps, at=at) is is_reached


minutes = st.integers(-60, 600)


@given(bounds=st.lists(minutes, max_size=8, unique=True), at=minutes)
def test_the_order_in_which_gaps_are_kept_is_of_no_matter(bounds: list[int], at: int) -> None:
    ordered = sorted(bounds)
    gaps = [
        Gap(TEN + timedelta(minutes=a), TEN + timedelta(minutes=b))
        for a, b in zip(ordered[::2], ordered[1::2], strict=False)
    ]
    moment = TEN + timedelta(minutes=at)
    expected = at >= 0 and not any(
        a <= at < b for a, b in zip(ordered[::2], ordered[1::2], strict=False)
    )
    for kept in (gaps, gaps[::-1]):
        assert was_following(first_followed_at=TEN, gaps=kept, at=moment) is expected
