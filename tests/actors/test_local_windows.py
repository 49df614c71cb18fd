from __future__ import annotations

from uuid import uuid4

from actors.local_windows import MOST_WINDOWS, LocalWindows
from rules.rate_limits import Check, RateLimit

MINUTE = RateLimit("minute", 2, 60)
HOUR = RateLimit("hour", 3, 3_600)


def test_it_admits_what_the_limits_say_and_no_more() -> None:
    windows, check = LocalWindows(), Check(uuid4(), (MINUTE, HOUR))
    times = [0.0, 1.0, 2.0, 61.0, 62.0, 3_601.0]
    found = [windows.check(check, now_s).is_admitted for now_s in times]
    assert found == [True, True, False, True, False, True]


def test_what_is_refused_counts_to_none() -> None:
    windows, caller = LocalWindows(), uuid4()
    for _ in range(9):
        windows.check(Check(caller, (MINUTE, HOUR)), 0.0)
    assert windows.check(Check(caller, (HOUR,)), 0.0).remaining == 0
    assert not windows.check(Check(caller, (HOUR,)), 0.0).is_admitted


def test_looking_counts_nothing() -> None:
    windows = LocalWindows()
    look = Check(uuid4(), (MINUTE,), is_counted=False)
    assert [windows.check(look, 0.0).remaining for _ in range(3)] == [2, 2, 2]


def test_a_caller_is_told_where_they_stand() -> None:
    windows, check = LocalWindows(), Check(uuid4(), (MINUTE,))
    windows.check(check, 0.0)
    found = windows.check(check, 10.0)
    assert (found.limit, found.remaining, found.resets_in_s) == (MINUTE, 0, 50)


def test_it_keeps_so_many_windows_and_forgets_the_longest_unused() -> None:
    windows = LocalWindows()
    first, second = Check(uuid4(), (MINUTE,)), Check(uuid4(), (MINUTE,))
    for check in (first, second, first):
        windows.check(check, 0.0)
    for _ in range(MOST_WINDOWS - 1):
        windows.check(Check(uuid4(), (MINUTE,)), 0.0)
    assert not windows.check(first, 0.0).is_admitted
    assert windows.check(second, 0.0).remaining == 1
