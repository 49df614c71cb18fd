from __future__ import annotations

from tasks.pace import Pace


def test_without_a_rate_nobody_waits() -> None:
    pace = Pace(None)
    pace.begin(1_000, now_s=5.0)
    assert pace.next_in_s(5.0) == 0.0


def test_what_has_begun_makes_the_next_wait() -> None:
    pace = Pace(10.0)
    pace.begin(5, now_s=100.0)
    assert pace.next_in_s(100.0) == 0.5
    pace.begin(5, now_s=100.0)
    assert pace.next_in_s(100.25) == 0.75


def test_a_rest_is_not_saved_up() -> None:
    pace = Pace(10.0)
    pace.begin(5, now_s=100.0)
    assert pace.next_in_s(500.0) == 0.0
    pace.begin(20, now_s=500.0)
    assert pace.next_in_s(500.0) == 2.0


def test_no_more_than_a_seconds_begin_at_once() -> None:
    assert [Pace(rate).most(100) for rate in (None, 14.5, 0.2)] == [100, 14, 1]
    assert Pace(14.0).most(3) == 3
