from __future__ import annotations

from contextlib import ExitStack, suppress
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.positions import DOUBTFUL_FOR_MS, Position, PositionClock

if TYPE_CHECKING:
    from motor.motor_asyncio import AsyncIOMotorDatabase

    from storage.client import Document

MILLISECOND = timedelta(milliseconds=1)


class Wall:
    """A wall clock that is set by hand."""

    def __init__(self, now_s: float = 1_800_000_000.0) -> None:
        self.now_s = now_s

    def __call__(self) -> float:
        return self.now_s


def test_positions_rise_by_a_millisecond_while_the_wall_clock_stands_still() -> None:
    clock = PositionClock(wall=Wall())
    given_out = []
    for _ in range(5):
        with clock.writing() as position:
            given_out.append(position.created_at)
    assert [later - earlier for earlier, later in pairwise(given_out)] == [MILLISECOND] * 4


def test_positions_rise_when_the_wall_clock_is_set_back() -> None:
    wall = Wall()
    clock = PositionClock(wall=wall)
    with clock.writing() as before:
        pass
    wall.now_s -= 3600
    with clock.writing() as after:
        pass
    assert after.created_at == before.created_at + MILLISECOND


def test_a_write_may_take_several_positions_and_the_next_one_comes_after_them() -> None:
    clock = PositionClock(wall=Wall())
    with clock.writing(3) as first:
        places = [first.at(place) for place in range(3)]
        with clock.writing() as second:
            pass
    given_out = [place.created_at for place in (*places, second)]
    assert given_out[0] == first.created_at
    assert [later - earlier for earlier, later in pairwise(given_out)] == [MILLISECOND] * 3
    assert {place.floor for place in (*places, second)} == {first.created_at}


def test_positions_and_the_time_are_whole_milliseconds_as_the_store_keeps_them() -> None:
    clock = PositionClock(wall=Wall(1_800_000_000.123_456))
    with clock.writing() as position:
        assert position.created_at.microsecond == 123_000
    assert clock.store_now().microsecond == 123_000
    assert clock.store_now().tzinfo is UTC


def test_the_floor_is_the_oldest_write_under_way() -> None:
    clock = PositionClock(wall=Wall())
    slow, quick = clock.writing(), clock.writing()
    first = slow.__enter__()
    second = quick.__enter__()
    assert first.floor == first.created_at
    assert second.floor == first.created_at
    slow.__exit__(None, None, None)
    with clock.writing() as third:
        assert third.floor == second.created_at
    quick.__exit__(None, None, None)
    with clock.writing() as fourth:
        assert fourth.floor == fourth.created_at


def test_a_write_that_failed_holds_the_floor_down_while_readers_look_back_so_far() -> None:
    """It may be visible, and nobody was told of it."""
    wall = Wall()
    clock = PositionClock(wall=wall)
    failed = fail_to_write(clock)
    with clock.writing() as position:
        assert position.floor == failed.created_at
    wall.now_s += DOUBTFUL_FOR_MS / 1000
    with clock.writing() as position:
        assert position.floor == failed.created_at
    wall.now_s += 1
    with clock.writing() as position:
        assert position.floor == position.created_at


def fail_to_write(clock: PositionClock) -> Position:
    given_out: list[Position] = []
    with suppress(RuntimeError), clock.writing() as position:
        given_out.append(position)
        raise RuntimeError
    return given_out[0]


@given(
    st.lists(
        st.one_of(
            st.sampled_from(["begin", "fail"]),
            st.integers(0, 20),  # end one of those under way
            st.floats(-0.01, 0.01),  # the wall clock moves
        ),
        max_size=60,
    )
)
def test_in_any_interleaving_what_is_below_a_floor_was_announced_before(
    steps: list[str | int | float],
) -> None:
    wall = Wall()
    clock = PositionClock(wall=wall)
    under_way: list[tuple[Position, ExitStack]] = []
    doubtful: set[datetime] = set()
    last: Position | None = None
    for step in steps:
        if step == "begin":
            stack = ExitStack()
            position = stack.enter_context(clock.writing())
            assert last is None or position.created_at > last.created_at
            assert position.floor <= position.created_at
            # Below the floor: only what has ended. At or above it: the oldest under way.
            assert all(other.created_at >= position.floor for other, _ in under_way)
            oldest = min((other.created_at for other, _ in under_way), default=position.created_at)
            assert position.floor == oldest
            under_way.append((position, stack))
            last = position
        elif step == "fail":
            last = fail_to_write(clock)
            under_way.append((last, ExitStack()))
            doubtful.add(last.created_at)
        elif isinstance(step, int) and under_way:
            chosen = step % len(under_way)
            if under_way[chosen][0].created_at not in doubtful:
                under_way.pop(chosen)[1].close()
        elif isinstance(step, float):
            wall.now_s += step
    for _, stack in under_way:
        stack.close()


def test_a_write_that_was_in_doubt_and_failed_is_doubtful_once() -> None:
    wall = Wall()
    clock = PositionClock(wall=wall)
    with suppress(LookupError), clock.writing() as position:
        clock.doubt(position)
        raise LookupError
    with clock.writing() as later:
        assert later.floor == position.created_at
    wall.now_s += DOUBTFUL_FOR_MS / 1000 + 1
    with clock.writing() as much_later:
        assert much_later.floor == much_later.created_at


async def test_the_offset_is_measured_against_the_stores_clock(
    database: AsyncIOMotorDatabase[Document],
) -> None:
    clock = PositionClock()
    trusted = [clock.is_trusted]
    await clock.measure(database)
    trusted.append(clock.is_trusted)
    assert trusted == [False, True]
    assert abs(clock.offset_s) < 0.5
    assert abs(clock.store_now() - datetime.now(UTC)) < timedelta(seconds=1)


@pytest.mark.parametrize(("wrong_by_s", "is_trusted"), [(-60, False), (4, True), (6, False)])
async def test_a_clock_more_than_five_seconds_off_is_not_trusted_yet_keeps_the_stores_time(
    database: AsyncIOMotorDatabase[Document], wrong_by_s: int, is_trusted: bool
) -> None:
    right = PositionClock()
    wrong = PositionClock(wall=lambda: right.store_now().timestamp() + wrong_by_s)
    await wrong.measure(database)
    assert wrong.offset_s == pytest.approx(-wrong_by_s, abs=0.5)
    assert wrong.is_trusted is is_trusted
    assert abs(wrong.store_now() - right.store_now()) < timedelta(seconds=0.5)


async def test_half_of_the_round_trip_is_taken_out_of_the_offset(
    database: AsyncIOMotorDatabase[Document],
) -> None:
    """A wall clock that jumps by a second a reading is a round trip of a second."""
    readings = iter(range(100))
    right = PositionClock()
    start = right.store_now().timestamp()
    clock = PositionClock(wall=lambda: start + next(readings))
    await clock.measure(database)
    # Round trips are equal, so the least offset counts: the last one's, at 4 s and 5 s.
    assert clock.offset_s == pytest.approx(-4.5, abs=0.5)
