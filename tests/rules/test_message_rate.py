from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rules.message_rate import WINDOW_S, MessageRate


def test_as_many_as_the_limit_come_through_at_once_and_no_more() -> None:
    rate = MessageRate(3)
    assert [rate.admits(now_s=5.0) for _ in range(5)] == [True, True, True, False, False]


def test_room_comes_back_a_minute_after_each_message() -> None:
    rate = MessageRate(2)
    assert rate.admits(now_s=0.0)
    assert rate.admits(now_s=30.0)
    assert not rate.admits(now_s=59.9)
    assert rate.admits(now_s=60.0)
    assert not rate.admits(now_s=89.9)
    assert rate.admits(now_s=90.0)


def test_what_is_refused_takes_no_room() -> None:
    rate = MessageRate(1)
    assert rate.admits(now_s=0.0)
    assert not any(rate.admits(now_s=float(second)) for second in range(1, 60))
    assert rate.admits(now_s=60.0)


@given(
    limit=st.integers(1, 5),
    gaps_s=st.lists(st.floats(0, 40, allow_nan=False), max_size=60),
)
def test_no_minute_has_more_than_the_limit_and_none_is_refused_below_it(
    limit: int, gaps_s: list[float]
) -> None:
    rate = MessageRate(limit)
    admitted: list[float] = []
    now_s = 0.0
    for gap_s in gaps_s:
        now_s += gap_s
        recent = [at_s for at_s in admitted if at_s > now_s - WINDOW_S]
        is_admitted = rate.admits(now_s=now_s)
        assert is_admitted == (len(recent) < limit)
        if is_admitted:
            admitted.append(now_s)
