from __future__ import annotations

import pytest

from rules.channel_health import Circuit
from tasks.breaker import FIRST_OPEN_S, LONGEST_OPEN_S, OPENS_AFTER, PROBING_S, Breaker


@pytest.fixture
def opened() -> Breaker:
    """Return a breaker that opened at 100 s."""
    breaker = Breaker()
    for _ in range(OPENS_AFTER):
        breaker.fail(100.0)
    return breaker


def test_failures_in_a_row_open_it_and_a_success_begins_the_count_anew() -> None:
    breaker = Breaker()
    for _ in range(OPENS_AFTER - 1):
        breaker.fail(100.0)
    breaker.succeed()
    breaker.fail(100.0)
    assert breaker.state(100.0) is Circuit.CLOSED
    assert breaker.admit(7, 100.0) == 7
    assert breaker.retry_in(100.0) == 0.0


def test_while_it_is_open_nothing_is_admitted(opened: Breaker) -> None:
    assert opened.state(100.0) is Circuit.OPEN
    assert opened.retry_in(101.0) == FIRST_OPEN_S - 1
    assert opened.admit(7, 101.0) == 0


def test_what_was_in_flight_does_not_open_it_for_longer(opened: Breaker) -> None:
    opened.fail(110.0)
    assert opened.retry_in(110.0) == FIRST_OPEN_S - 10


def test_then_one_is_admitted_to_see_and_its_success_closes_it(opened: Breaker) -> None:
    now_s = 100.0 + FIRST_OPEN_S
    assert opened.state(now_s) is Circuit.HALF_OPEN
    assert opened.admit(7, now_s) == 1
    assert opened.admit(7, now_s) == 0
    opened.succeed()
    assert opened.admit(7, now_s) == 7


def test_its_failure_opens_it_for_twice_as_long_up_to_a_limit(opened: Breaker) -> None:
    now_s, open_for_s = 100.0, FIRST_OPEN_S
    for _ in range(8):
        now_s += open_for_s
        assert opened.admit(1, now_s) == 1
        opened.fail(now_s)
        open_for_s = min(2 * open_for_s, LONGEST_OPEN_S)
        assert opened.retry_in(now_s) == open_for_s


def test_a_probe_that_was_not_tried_leaves_room_for_another(opened: Breaker) -> None:
    now_s = 100.0 + FIRST_OPEN_S
    assert opened.admit(0, now_s) == 0
    assert opened.admit(1, now_s) == 1
    opened.forget_probe()
    assert opened.admit(1, now_s) == 1


def test_while_one_tries_others_come_again_in_a_while(opened: Breaker) -> None:
    now_s = 100.0 + FIRST_OPEN_S
    assert opened.retry_in(now_s) == 0.0
    opened.admit(1, now_s)
    assert opened.retry_in(now_s) == PROBING_S
    assert opened.state(now_s) is Circuit.HALF_OPEN
