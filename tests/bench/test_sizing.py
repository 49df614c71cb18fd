"""The sizing is arithmetic over what was measured."""

from __future__ import annotations

import pytest

from bench.sizing import BUSY, PER_NOTIFICATION, Platform, crossing, size_of, walls

A_SECOND_EACH = Platform(users=1_000, sockets=2_048, notifications_a_day=86_400, peak_to_mean=10.0)
"""Ten notifications in the busiest second."""

FIGURES = {
    row: {"server_us": 100_000.0, "store_us": 200_000.0, "redis_us": 1_000.0, "rss_kib": 512.0}
    for row in PER_NOTIFICATION
}
SHARES = sum(PER_NOTIFICATION.values())


def test_cores_are_what_the_operations_of_the_peak_cost_together() -> None:
    size = size_of(A_SECOND_EACH, FIGURES, {})
    assert size.cores["server"] == pytest.approx(10 * SHARES * 0.1)
    assert size.cores["store"] == pytest.approx(2 * size.cores["server"])
    assert size.cores["worker"] == 0


def test_processes_are_busy_for_a_part_of_the_time_and_there_is_always_one() -> None:
    size = size_of(A_SECOND_EACH, FIGURES, {})
    needed = size.processes("server")
    assert (needed - 1) * BUSY < size.cores["server"] <= needed * BUSY
    assert size.processes("worker") == 1


def test_sockets_take_memory() -> None:
    assert size_of(A_SECOND_EACH, FIGURES, {}).sockets_gib == pytest.approx(1.0)


def test_a_platform_so_many_times_larger_needs_so_many_times_the_cores() -> None:
    once = size_of(A_SECOND_EACH, FIGURES, {})
    often = size_of(A_SECOND_EACH.times(100), FIGURES, {})
    assert often.cores["store"] == pytest.approx(100 * once.cores["store"])
    assert often.sockets_gib == pytest.approx(100 * once.sockets_gib)


def test_of_what_there_is_one_ends_where_it_is_as_busy_as_planned() -> None:
    queue = "the Redis of the job queue"
    at = walls(A_SECOND_EACH, FIGURES)[queue]
    queued = 10 * (PER_NOTIFICATION["pushes"] + PER_NOTIFICATION["emails"]) * 0.001
    assert at * queued == pytest.approx(BUSY)


def test_a_row_that_was_not_measured_is_named() -> None:
    lacking = {row: figures for row, figures in FIGURES.items() if row != "follow"}
    with pytest.raises(KeyError, match="follow"):
        size_of(A_SECOND_EACH, lacking, {})


def test_what_crosses_costs_more_where_one_process_is_not_enough() -> None:
    alone = {"server_us": 10.0, "redis_us": 1.0, "fan_out_server_us": 5.0, "fan_out_redis_us": 9.0}
    many = {"server_us": 30.0, "redis_us": 3.0, "fan_out_server_us": 8.0, "fan_out_redis_us": 8.0}
    bus = crossing([alone, many])
    assert bus == {
        "direct-send": {"server": 20.0, "redis": 2.0},
        "fanout": {"server": 3.0, "redis": 0.0},
    }
    small = Platform(users=1, sockets=1, notifications_a_day=864, peak_to_mean=1.0)
    assert size_of(small, FIGURES, bus).cores == size_of(small, FIGURES, {}).cores
    without, crossed = (size_of(A_SECOND_EACH, FIGURES, each) for each in ({}, bus))
    more = 10 * (PER_NOTIFICATION["direct-send"] * 20 + PER_NOTIFICATION["fanout"] * 3) / 1e6
    assert crossed.cores["server"] == pytest.approx(without.cores["server"] + more)
