from __future__ import annotations

import pytest

from rules.heartbeats import EXPIRES_AFTER_S, HeartbeatWatch
from rules.lease import Lease

HERE = Lease("here:8000", 1)
THERE = Lease("there:8000", 1)
REBORN = Lease("here:8000", 2)
BEGAN_S = 1_000.0
LONG = EXPIRES_AFTER_S


@pytest.fixture
def watch() -> HeartbeatWatch:
    """Return a watch that has seen beat 7 of `HERE` at `BEGAN_S`."""
    watch = HeartbeatWatch()
    assert watch.observe([(HERE, 7)], now_s=BEGAN_S) == []
    return watch


def test_a_lease_expires_after_a_minute_without_a_beat() -> None:
    assert EXPIRES_AFTER_S == 60.0


@pytest.mark.parametrize(
    ("later_s", "expired"),
    [(0.0, []), (LONG - 0.001, []), (LONG, [HERE]), (LONG + 100, [HERE])],
)
def test_a_process_expires_when_its_beat_stood_still_for_so_long(
    watch: HeartbeatWatch, later_s: float, expired: list[Lease]
) -> None:
    assert watch.observe([(HERE, 7)], now_s=BEGAN_S + later_s) == expired


def test_looking_often_does_not_put_the_expiry_off(watch: HeartbeatWatch) -> None:
    for later_s in range(5, 60, 5):
        assert watch.observe([(HERE, 7)], now_s=BEGAN_S + later_s) == []
    assert watch.observe([(HERE, 7)], now_s=BEGAN_S + LONG) == [HERE]


@pytest.mark.parametrize("beat", [8, 6])
def test_a_changed_beat_is_a_sign_of_life_whichever_way_it_changed(
    watch: HeartbeatWatch, beat: int
) -> None:
    assert watch.observe([(HERE, beat)], now_s=BEGAN_S + LONG) == []
    assert watch.observe([(HERE, beat)], now_s=BEGAN_S + 2 * LONG - 1) == []
    assert watch.observe([(HERE, beat)], now_s=BEGAN_S + 2 * LONG) == [HERE]


def test_a_new_incarnation_is_alive_even_if_it_counts_its_beats_anew(
    watch: HeartbeatWatch,
) -> None:
    assert watch.observe([(REBORN, 7)], now_s=BEGAN_S + LONG) == []
    assert watch.observe([(REBORN, 7)], now_s=BEGAN_S + 2 * LONG) == [REBORN]


def test_a_process_that_left_is_not_expired_but_gone(watch: HeartbeatWatch) -> None:
    assert watch.observe([], now_s=BEGAN_S + LONG) == []


def test_a_process_that_was_gone_begins_anew(watch: HeartbeatWatch) -> None:
    watch.observe([], now_s=BEGAN_S + 1)
    assert watch.observe([(HERE, 7)], now_s=BEGAN_S + LONG) == []
    assert watch.observe([(HERE, 7)], now_s=BEGAN_S + 2 * LONG) == [HERE]


def test_an_expired_process_stays_expired_until_it_beats(watch: HeartbeatWatch) -> None:
    assert watch.observe([(HERE, 7)], now_s=BEGAN_S + LONG) == [HERE]
    assert watch.observe([(HERE, 7)], now_s=BEGAN_S + LONG + 1) == [HERE]
    assert watch.observe([(HERE, 8)], now_s=BEGAN_S + LONG + 2) == []


def test_each_process_is_judged_by_its_own_beat(watch: HeartbeatWatch) -> None:
    assert watch.observe([(HERE, 7), (THERE, 1)], now_s=BEGAN_S + 30) == []
    assert watch.observe([(THERE, 1), (HERE, 7)], now_s=BEGAN_S + LONG) == [HERE]
    assert watch.observe([(HERE, 8), (THERE, 1)], now_s=BEGAN_S + LONG + 30) == [THERE]
