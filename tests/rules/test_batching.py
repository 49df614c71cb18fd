from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.batching import FEWEST_ROWS, FIRST_ROWS, MOST_ROWS, TARGET_S, BatchSizer

FEWEST = 25


def sizer_of(rows: int) -> BatchSizer:
    sizer = BatchSizer(fewest=FEWEST)
    sizer.rows = rows
    return sizer


def test_the_first_batch_is_cautious() -> None:
    assert BatchSizer().rows == FIRST_ROWS


@pytest.mark.parametrize(
    ("rows", "store_s", "next_rows"),
    [
        pytest.param(100, 0.050, 100, id="on target: as before"),
        pytest.param(100, 0.040, 125, id="a little fast: a little more"),
        pytest.param(100, 0.080, 62, id="a little slow: a little less"),
        pytest.param(100, 0.001, 200, id="very fast: twice at most"),
        pytest.param(100, 5.000, 50, id="very slow: half at least"),
        pytest.param(50, 0.025, 100, id="half a batch in half the time: as before"),
        pytest.param(0, 0.050, 100, id="no rows say nothing"),
        pytest.param(100, 0.0, 100, id="no time says nothing"),
        pytest.param(100, -0.1, 100, id="a clock that went back says nothing"),
    ],
)
def test_the_next_batch_is_sized_to_take_the_target(
    rows: int, store_s: float, next_rows: int
) -> None:
    sizer = sizer_of(100)
    sizer.observe(rows, store_s)
    assert sizer.rows == next_rows


def test_a_slow_store_gets_no_fewer_than_the_fewest() -> None:
    sizer = sizer_of(FEWEST + 1)
    sizer.observe(FEWEST, 10.0)
    assert sizer.rows == FEWEST


def test_another_target_may_be_set() -> None:
    sizer = BatchSizer(fewest=FEWEST, target_s=0.010)
    sizer.observe(100, 0.020)
    assert sizer.rows == 50


def test_after_the_first_a_batch_has_so_many_that_they_share_what_it_costs() -> None:
    sizer = BatchSizer()
    sizer.observe(FIRST_ROWS, 10.0)
    assert sizer.rows == FEWEST_ROWS


def test_a_fast_store_gets_no_more_than_the_most() -> None:
    sizer = sizer_of(MOST_ROWS - 1)
    sizer.observe(MOST_ROWS, 0.001)
    assert sizer.rows == MOST_ROWS


@given(
    rows=st.integers(FEWEST, MOST_ROWS),
    seen=st.integers(0, 5_000),
    store_s=st.floats(-1, 0) | st.floats(1e-9, 100),
)
def test_one_measurement_doubles_or_halves_at_most_and_stays_in_bounds(
    rows: int, seen: int, store_s: float
) -> None:
    sizer = sizer_of(rows)
    sizer.observe(seen, store_s)
    assert max(FEWEST, rows // 2) <= sizer.rows <= min(MOST_ROWS, rows * 2)


@given(row_s=st.floats(TARGET_S / MOST_ROWS, TARGET_S / FEWEST))
def test_a_steady_store_is_soon_asked_for_batches_of_the_target(row_s: float) -> None:
    sizer = BatchSizer(fewest=FEWEST)
    for _ in range(6):
        sizer.observe(sizer.rows, sizer.rows * row_s)
    assert sizer.rows * row_s == pytest.approx(TARGET_S, abs=2 * row_s)
