from __future__ import annotations

from tasks.recent_outcomes import MINUTE_S, WINDOW_MINUTES, RecentOutcomes


def test_what_ended_lately_is_counted_and_then_forgotten() -> None:
    outcomes = RecentOutcomes()
    outcomes.add(is_success=True, now_s=100.0)
    outcomes.add(is_success=False, now_s=101.0)
    outcomes.add(is_success=True, now_s=100.0 + MINUTE_S)
    assert outcomes.counts(100.0 + MINUTE_S) == (2, 1)
    last_s = WINDOW_MINUTES * MINUTE_S
    assert outcomes.counts(100.0 + last_s - MINUTE_S) == (2, 1)
    assert outcomes.counts(100.0 + last_s) == (1, 0)
    assert outcomes.counts(100.0 + last_s + MINUTE_S) == (0, 0)


def test_no_more_is_kept_than_is_counted() -> None:
    outcomes = RecentOutcomes()
    for minute in range(3 * WINDOW_MINUTES):
        outcomes.add(is_success=True, now_s=minute * MINUTE_S)
    assert outcomes.counts(0.0) == (WINDOW_MINUTES, 0)
