from __future__ import annotations

from tasks.pace import Pace


def test_without_a_rate_nobody_waits() -> None:
    pace = Pace(None)
    assert [pace.wait_s(1_000, now_s=5.0) for _ in range(3)] == [0.0, 0.0, 0.0]


def test_what_has_begun_makes_the_next_wait() -> None:
    pace = Pace(10.0)
    assert pace.wait_s(5, now_s=100.0) == 0.0
    assert pace.wait_s(5, now_s=100.0) == 0.5
    assert pace.wait_s(1, now_s=100.25) == 0.75


def test_a_rest_is_not_saved_up() -> None:
    pace = Pace(10.0)
    pace.wait_s(5, now_s=100.0)
    assert pace.wait_s(20, now_s=500.0) == 0.0
    assert pace.wait_s(1, now_s=500.0) == 2.0


def test_no_more_than_a_seconds_begin_at_once() -> None:
    assert [Pace(rate).most(100) for rate in (None, 14.5, 0.2)] == [100, 14, 1]
    assert Pace(14.0).most(3) == 3


def test_asking_when_takes_no_part_of_the_rate() -> None:
    pace = Pace(2.0)
    pace.wait_s(6, now_s=100.0)
    assert [pace.next_in_s(at_s) for at_s in (100.0, 102.5, 200.0)] == [3.0, 0.5, 0.0]
    assert Pace(None).next_in_s(100.0) == 0.0
