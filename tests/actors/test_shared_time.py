"""Processes and a Redis, each with a clock of its own, and a true time that none of them knows."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.shared_time import (
    DOUBTFUL_FOR_S,
    MARGIN_S,
    MEASURED_FOR_S,
    RATES_APART,
    SharedTime,
)

REDIS_BEGAN_S = 1_800_000_000.0


class World:
    """The true time, which only goes on."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.redis_set_by_s = 0.0
        """By how much the clock of Redis is ahead of what it was when all began."""

    @property
    def shown_us(self) -> int:
        """What Redis's clock shows."""
        return int((REDIS_BEGAN_S + self.now_s + self.redis_set_by_s) * 1e6)


@dataclass
class Process:
    """One that counts seconds of its own, more or less of them than there are."""

    world: World
    began_s: float = 0.0
    rate: float = 1.0

    def __post_init__(self) -> None:
        self.shared_time = SharedTime(self.monotonic)

    def monotonic(self) -> float:
        return self.began_s + self.world.now_s * self.rate

    def beat(self, there_s: float = 0.001, back_s: float = 0.001) -> None:
        """Ask what Redis's clock shows."""
        asked_at_s = self.monotonic()
        self.world.now_s += there_s
        shown_us = self.world.shown_us
        self.world.now_s += back_s
        self.shared_time.measure(shown_us, asked_at_s=asked_at_s)

    def tell(self) -> int | None:
        """Return what it says of this moment."""
        return self.shared_time.shared_us(self.monotonic())

    def hear(self, told_us: int | None) -> float | None:
        """Return when, by its own seconds, the moment was that it is told of."""
        return None if told_us is None else self.shared_time.moment_s(told_us)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def pair(world: World) -> tuple[Process, Process]:
    return Process(world, began_s=5_000.0), Process(world, began_s=90_000.0)


TRIPS = st.floats(0, 0.2)


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
    widest_s = 0.0
    for process in (teller, hearer):
        process.beat(0.001, 0.001)
    for is_teller, there_s, back_s, pause_s in beats:
        process = teller if is_teller else hearer
        process.beat(there_s, back_s)
        world.now_s += pause_s
        widest_s = max(widest_s, world.now_s)
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


def test_what_was_never_measured_or_not_lately_is_not_known(
    world: World, pair: tuple[Process, Process]
) -> None:
    here, there = pair
    here.beat()
    assert not there.shared_time.is_known
    assert (there.tell(), there.hear(here.tell())) == (None, None)
    there.beat()
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
    before.beat()
    world.redis_set_by_s += set_by_s
    # One knows the clock as it is, and the other has not noticed yet that it was set.
    after.beat()
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
    for process in pair:
        process.beat()
    world.redis_set_by_s += set_by_s
    here.beat()
    fresh = Process(world)
    fresh.beat()
    for teller in (fresh, there):
        for hearer in (fresh, there):
            was_s = hearer.monotonic()
            heard_s = hearer.hear(teller.tell())
            assert heard_s is not None
            assert heard_s <= was_s
