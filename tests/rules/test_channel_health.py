from __future__ import annotations

import pytest

from rules.channel_health import ChannelHealth, Circuit, together


def test_nobody_tells_of_a_channel_without_workers() -> None:
    assert together([]) is None


@pytest.mark.parametrize(
    ("circuits", "worst"),
    [
        (["closed", "closed"], "closed"),
        (["closed", "half_open"], "half_open"),
        (["half_open", "open", "closed"], "open"),
    ],
)
def test_the_worst_circuit_counts_and_the_rest_is_added(circuits: list[str], worst: str) -> None:
    workers = [ChannelHealth(circuit, 3, 1) for circuit in circuits]
    assert together(workers) == ChannelHealth(Circuit(worst), 3 * len(workers), len(workers))


@pytest.mark.parametrize(
    ("succeeded", "failed", "rate"), [(0, 0, None), (3, 1, 0.75), (0, 2, 0.0), (5, 0, 1.0)]
)
def test_the_success_rate(succeeded: int, failed: int, rate: float | None) -> None:
    assert ChannelHealth("closed", succeeded, failed).success_rate == rate
