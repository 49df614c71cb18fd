from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from rules.time_windows import middle

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)

moments = st.integers(0, 2**41).map(lambda ms: EPOCH + ms * MILLISECOND)


@given(moments, moments)
def test_the_middle_is_within_and_both_parts_hold_something(one: datetime, other: datetime) -> None:
    since, until = min(one, other), max(one, other)
    cut = middle(since, until)
    if until - since <= MILLISECOND:
        assert cut is None
    else:
        assert cut is not None
        assert since < cut < until


@given(moments, moments, moments)
def test_a_window_that_began_later_is_cut_at_the_same_time_or_later(
    one: datetime, other: datetime, third: datetime
) -> None:
    since, later, until = sorted((one, other, third))
    cut = middle(since, until)
    if cut is not None and later < cut:
        assert middle(later, until) == cut


def test_a_millisecond_is_cut_no_further() -> None:
    assert middle(EPOCH, EPOCH + 2 * MILLISECOND) == EPOCH + MILLISECOND
    assert middle(EPOCH, EPOCH + MILLISECOND) is None
    assert middle(EPOCH, EPOCH) is None


def test_it_is_where_large_units_begin() -> None:
    since = EPOCH + 1_000_001 * MILLISECOND
    assert middle(since, since + 100 * MILLISECOND) == EPOCH + 1_000_064 * MILLISECOND
