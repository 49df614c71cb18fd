from __future__ import annotations

import pytest

from rules.backoff import doubled


@pytest.mark.parametrize(
    ("times", "waits_s"),
    [(0, 0.1), (1, 0.2), (5, 3.2), (6, 5.0), (7, 5.0), (1_100, 5.0), (10_000_000, 5.0)],
)
def test_a_wait_doubles_to_its_bound_and_stays_there(times: int, waits_s: float) -> None:
    assert doubled(0.1, times=times, longest_s=5.0) == waits_s
