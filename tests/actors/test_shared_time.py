"""What one process says of a moment, and when that was for another, whatever clocks show."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.shared_time import (
    DOUBTFUL_FOR_S,
    MARGIN_S,
    MEASURED_FOR_S,
    RATES_APART,
    SHORT_TRIP_S,
)
from tests.support.shared_seconds import Process, World, settle

SLEWED_S = 0.083_333
"""Seconds a second: as fast as chrony corrects a clock without setting it."""


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def pair(world: World) -> tuple[Process, Process]:
    processes = Process(world, began_s=5_000.0), Process(world, began_s=90_000.0)
    settle(world, *processes)
    return processes


TRIPS = st.floats(0, 0.2)
SHORT_TRIPS = st.floats(0, SHORT_TRIP_S / 2 - 0.001)
SETS = st.floats(-0.5, 0.5)


@given(
    here=st.tuples(st.floats(0, 1e6), st.floats(-RATES_APART / 2, RATES_APART / 2)),
    there=st.tuples(st.floats(0, 1e6), st.floats(-RATES_APART / 2, RATES_APART / 2)),
    beats=st.lists(st.tuples(st.booleans(), TRIPS, TRIPS, st.floats(0, 1.0)), max_size=20),
    later=st.tuples(st.floats(0, 2.0), st.floats(0, 0.5)),
)
def test_a_moment_never_comes_later_than_it_was(
    here: tuple[float, float],
    there: tuple[float, float],
    beats: list[tuple[bool, float, float, float]],
    later: tuple[float, float],
) -> None:
    world = World()
    teller, hearer = (Process(world, began, 1 + skew) for began, skew in (here, there))
    settle(world, teller, hearer)
    for is_teller, there_s, back_s, pause_s in beats:
        process = teller if is_teller else hearer
        process.beat(there_s, back_s)
        world.now_s += pause_s
    waited_s, carried_s = later
    world.now_s += waited_s
    was_s = hearer.monotonic()
    told_us = teller.tell()
    world.now_s += carried_s
    heard_s = hearer.hear(told_us)
    assert told_us is None or told_us <= world.shown_us
    assert heard_s is None or heard_s <= was_s
    if heard_s is not None:
        # Nor much earlier: what two short trips leave open, and what the clocks may have drifted.
        assert was_s - heard_s < MARGIN_S + 0.01 + 4 * RATES_APART * (world.now_s + 1)


@given(
    changes=st.lists(
        st.tuples(SETS, st.lists(st.tuples(st.booleans(), TRIPS, TRIPS), max_size=4)), max_size=3
    ),
    noticed=st.tuples(SHORT_TRIPS, SHORT_TRIPS, SHORT_TRIPS, SHORT_TRIPS),
    carried_s=st.floats(0, 1.0),
)
def test_a_clock_that_was_set_makes_no_moment_later_once_both_had_a_short_beat(
    changes: list[tuple[float, list[tuple[bool, float, float]]]],
    noticed: tuple[float, float, float, float],
    carried_s: float,
) -> None:
    world = World()
    teller, hearer = Process(world, began_s=5_000.0), Process(world, began_s=70.0)
    settle(world, teller, hearer)
    for set_by_s, beats in changes:
        world.redis_set_by_s += set_by_s
        for is_teller, there_s, back_s in beats:
            (teller if is_teller else hearer).beat(there_s, back_s)
    teller.beat(*noticed[:2])
    hearer.beat(*noticed[2:])
    was_s = hearer.monotonic()
    told_us = teller.tell()
    world.now_s += carried_s
    heard_s = hearer.hear(told_us)
    assert heard_s is None or heard_s <= was_s


@given(
    rounds=st.lists(
        st.tuples(*[SHORT_TRIPS] * 4, st.floats(4 * SHORT_TRIP_S, 1.0)), min_size=1, max_size=6
    ),
    slewed_s=st.sampled_from([-SLEWED_S, SLEWED_S]),
    carried_s=st.floats(0, 1.0),
)
def test_a_clock_that_ntp_makes_faster_or_slower_makes_no_moment_later(
    rounds: list[tuple[float, float, float, float, float]],
    slewed_s: float,
    carried_s: float,
) -> None:
    world = World()
    teller, hearer = Process(world, began_s=5_000.0), Process(world, began_s=70.0)
    settle(world, teller, hearer)
    world.slew_redis(slewed_s)
    for teller_there_s, teller_back_s, hearer_there_s, hearer_back_s, next_after_s in rounds:
        began_s = world.now_s
        teller.beat(teller_there_s, teller_back_s)
        hearer.beat(hearer_there_s, hearer_back_s)
        world.now_s = began_s + next_after_s
    was_s = hearer.monotonic()
    told_us = teller.tell()
    world.now_s += carried_s
    heard_s = hearer.hear(told_us)
    assert heard_s is None or heard_s <= was_s


def test_the_margin_is_above_what_a_trip_hides_and_ntp_corrects_after_it(world: World) -> None:
    teller, hearer = Process(world, began_s=5_000.0), Process(world, began_s=70.0)
    settle(world, teller)
    began_s = world.now_s
    world.slew_redis(-SLEWED_S)
    world.now_s = began_s + 0.91
    hearer.beat(0.0, 0.099)
    # It takes so long there that the clock may still show what it would have.
    teller.beat(0.095, 0.0)
    world.now_s = began_s + 2.02
    hearer.beat(0.0, 0.0)
    was_s = hearer.monotonic()
    told_us = teller.tell()
    assert told_us is not None
    assert told_us > world.shown_us + 150_000
    world.now_s += 1.0
    heard_s = hearer.hear(told_us)
    assert heard_s is not None
    assert heard_s <= was_s


@pytest.mark.parametrize("set_by_s", [-0.3, 0.3])
def test_a_beat_that_takes_as_long_as_the_clock_was_set_by_is_no_measurement(
    world: World, pair: tuple[Process, Process], set_by_s: float
) -> None:
    here, there = pair
    world.redis_set_by_s += set_by_s
    there_s, back_s = (0.35, 0.001) if set_by_s < 0 else (0.001, 0.35)
    for process in pair:
        process.beat(there_s, back_s)
    # Nothing was seen of it, and what was measured before it ages.
    assert here.shared_time.is_known
    world.now_s += MEASURED_FOR_S - 1.0
    here.beat(there_s, back_s)
    assert here.tell() is None
    here.beat()
    there.beat()
    world.now_s += MEASURED_FOR_S - 0.1
    assert (here.tell(), there.hear(world.shown_us)) == (None, None)


def test_a_long_beat_that_shows_that_the_clock_was_set_is_heeded(
    world: World, pair: tuple[Process, Process]
) -> None:
    here, _ = pair
    world.redis_set_by_s -= 2.0
    here.beat(0.3, 0.3)
    assert not here.shared_time.is_known


def test_who_has_just_begun_leaves_the_others_a_beat_to_see_that_the_clock_was_set(
    world: World, pair: tuple[Process, Process]
) -> None:
    here, _ = pair
    world.redis_set_by_s -= 0.3
    fresh = Process(world, began_s=70.0)
    fresh.beat()
    told_us = here.tell()
    world.now_s += 0.5
    fresh.beat()
    assert told_us is not None
    assert (fresh.tell(), fresh.hear(told_us)) == (None, None)
    here.beat()
    world.now_s += 0.5
    assert fresh.tell() is not None
    assert fresh.hear(here.tell()) is None


def test_what_was_never_measured_or_not_lately_is_not_known(world: World) -> None:
    here, there = Process(world, began_s=5_000.0), Process(world, began_s=90_000.0)
    settle(world, here)
    assert not there.shared_time.is_known
    assert (there.tell(), there.hear(here.tell())) == (None, None)
    settle(world, there)
    assert there.hear(here.tell()) is not None
    world.now_s += MEASURED_FOR_S + 0.1
    assert (here.tell(), there.tell(), there.hear(world.shown_us)) == (None, None, None)
    here.beat()
    assert here.tell() is not None


def test_short_trips_make_it_exact_and_long_ones_leave_it_so(pair: tuple[Process, Process]) -> None:
    here, there = pair
    for process in pair:
        process.beat(0.2, 0.2)
        process.beat(0.0005, 0.0005)
        process.beat(0.2, 0.2)
    was_s = there.monotonic()
    heard_s = there.hear(here.tell())
    assert heard_s is not None
    assert 0 <= was_s - heard_s < MARGIN_S + 0.005


@pytest.mark.parametrize("set_by_s", [-3_600.0, -0.5, 0.5, 3_600.0])
def test_a_clock_that_was_set_is_not_believed_until_all_that_was_told_by_it_has_come(
    world: World, pair: tuple[Process, Process], set_by_s: float
) -> None:
    here, there = pair
    for process in pair:
        process.beat()
    told_before_us = here.tell()
    world.redis_set_by_s += set_by_s
    for process in pair:
        process.beat()
    assert (here.tell(), there.hear(told_before_us)) == (None, None)
    until_s = world.now_s + DOUBTFUL_FOR_S
    while world.now_s < until_s + 1:
        for process in pair:
            process.beat()
        assert here.shared_time.is_known is (world.now_s > until_s)
        world.now_s += 0.9
    was_s = there.monotonic()
    heard_s = there.hear(here.tell())
    assert heard_s is not None
    assert was_s - 2 * MARGIN_S < heard_s <= was_s


@pytest.mark.parametrize("set_by_s", [-10.0, 10.0])
def test_what_is_told_to_be_still_to_come_is_not_believed(world: World, set_by_s: float) -> None:
    before, after = Process(world, began_s=5_000.0), Process(world, began_s=70.0)
    settle(world, before)
    world.redis_set_by_s += set_by_s
    # One knows the clock as it is, and the other has not noticed yet that it was set.
    settle(world, after)
    ahead, behind = (before, after) if set_by_s < 0 else (after, before)
    assert behind.hear(ahead.tell()) is None
    heard_s = ahead.hear(behind.tell())
    assert heard_s is not None
    assert heard_s < ahead.monotonic() - 9


@pytest.mark.parametrize("set_by_s", [-0.9 * MARGIN_S, 0.9 * MARGIN_S])
def test_what_ntp_corrects_at_once_does_no_harm(
    world: World, pair: tuple[Process, Process], set_by_s: float
) -> None:
    here, there = pair
    world.redis_set_by_s += set_by_s
    here.beat()
    assert not here.shared_time.is_known
    fresh = Process(world)
    settle(world, fresh)
    for teller in (fresh, there):
        for hearer in (fresh, there):
            was_s = hearer.monotonic()
            heard_s = hearer.hear(teller.tell())
            assert heard_s is not None
            # What the one has not seen yet is taken for a moment that was so much earlier or later.
            unseen_s = 0.0 if teller is hearer else abs(set_by_s)
            assert was_s - MARGIN_S - unseen_s - 0.01 < heard_s <= was_s
