from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.sliding_window import SlidingWindow, cell_width

MINUTE = 60.0


def admitted(window: SlidingWindow, times: list[float]) -> list[float]:
    """Return those of `times` at which one more was let in."""
    found = []
    for now in times:
        window.slide(now)
        if not window.is_full:
            window.add(now)
            found.append(now)
    return found


@given(
    gaps=st.lists(st.floats(0, 20), max_size=200),
    most=st.integers(0, 30),
    cells=st.sampled_from([1, 4, 16, 128]),
)
def test_no_window_ever_holds_more_than_may_be(gaps: list[float], most: int, cells: int) -> None:
    times = [sum(gaps[: index + 1]) for index in range(len(gaps))]
    found = admitted(SlidingWindow(most=most, length=MINUTE, cells=cells), times)
    if not most:
        assert found == []
    for first, one_too_many in zip(found, found[most:], strict=False):
        assert one_too_many - MINUTE >= first


@given(gaps=st.lists(st.floats(0, 20), max_size=200), most=st.integers(1, 30))
def test_where_each_is_kept_by_itself_none_is_refused_that_might_come(
    gaps: list[float], most: int
) -> None:
    window = SlidingWindow(most=most, length=MINUTE, cells=30)
    found: list[float] = []
    now = 0.0
    for gap in gaps:
        now += gap
        may = sum(1 for earlier in found if earlier > now - MINUTE) < most
        let_in = admitted(window, [now])
        assert bool(let_in) is may
        found += let_in


@given(gaps=st.lists(st.floats(0, 1), min_size=200, max_size=400))
def test_a_cell_too_late_is_the_most_that_somebody_waits(gaps: list[float]) -> None:
    most, cells = 20, 10
    window = SlidingWindow(most=most, length=MINUTE, cells=cells)
    found: list[float] = []
    now = 0.0
    for gap in gaps:
        now += gap
        let_in = admitted(window, [now])
        if not let_in:
            assert found[-most] > now - MINUTE - MINUTE / cells
        found += let_in


def test_what_it_keeps_does_not_grow_with_what_it_admits() -> None:
    window = SlidingWindow(most=6_000, length=MINUTE, cells=16)
    found = admitted(window, [index / 50 for index in range(20_000)])
    assert len(found) > 18_000
    assert len(window._cells) <= 17


def test_it_says_when_fewer_will_count() -> None:
    window = SlidingWindow(most=2, length=MINUTE, cells=16)
    assert window.frees_in(5.0) == 0.0
    window.add(10.0)
    window.add(15.0)
    assert window.is_full
    assert window.frees_in(20.0) == 50.0
    window.slide(70.0)
    assert (window.used, window.is_full, window.frees_in(70.0)) == (1, False, 5.0)


def test_where_none_ever_may_one_waits_for_a_whole_window() -> None:
    window = SlidingWindow(most=0, length=MINUTE, cells=16)
    assert window.is_full
    assert window.frees_in(1.0) == MINUTE


@pytest.mark.parametrize(
    ("most", "width"), [(0, 0.0), (128, 0.0), (129, 0.46875), (6_000, 0.46875)]
)
def test_few_are_kept_one_by_one_and_many_in_cells(most: int, width: float) -> None:
    assert cell_width(most=most, length=MINUTE, cells=128) == width
