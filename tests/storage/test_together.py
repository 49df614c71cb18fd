from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from storage.client import StoreUnavailable
from storage.together import Together


class Doubles:
    """A round trip that answers twice the number, once it is let go."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []
        self.was_asked = asyncio.Event()
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.fails = False

    async def __call__(self, items: Sequence[int]) -> Sequence[int]:
        self.asked.append(list(items))
        self.was_asked.set()
        await self.may_answer.wait()
        if self.fails:
            raise LookupError("the store says no")
        return [2 * item for item in items]


@pytest.fixture
async def doubles() -> Doubles:
    return Doubles()


async def test_what_is_asked_in_the_same_moment_is_one_round_trip(doubles: Doubles) -> None:
    double = Together(doubles, most=10)
    assert await asyncio.gather(*(double(number) for number in (3, 1, 2))) == [6, 2, 4]
    assert doubles.asked == [[3, 1, 2]]
    assert await double(4) == 8
    assert doubles.asked == [[3, 1, 2], [4]]


async def test_what_is_asked_meanwhile_waits_and_then_goes_together(doubles: Doubles) -> None:
    double = Together(doubles, most=10)
    doubles.may_answer.clear()
    first = asyncio.create_task(double(1))
    await doubles.was_asked.wait()
    others = [asyncio.create_task(double(number)) for number in (2, 3)]
    for _ in range(5):
        await asyncio.sleep(0)
    assert doubles.asked == [[1]]
    doubles.may_answer.set()
    assert await asyncio.gather(first, *others) == [2, 4, 6]
    assert doubles.asked == [[1], [2, 3]]


async def test_a_round_trip_takes_no_more_than_it_may(doubles: Doubles) -> None:
    double = Together(doubles, most=2)
    assert await asyncio.gather(*(double(number) for number in range(5))) == [0, 2, 4, 6, 8]
    assert doubles.asked == [[0, 1], [2, 3], [4]]


async def test_a_failure_is_of_all_who_asked_and_of_nobody_after(doubles: Doubles) -> None:
    double = Together(doubles, most=10)
    doubles.fails = True
    failed = await asyncio.gather(double(1), double(2), return_exceptions=True)
    assert [type(each) for each in failed] == [LookupError, LookupError]
    doubles.fails = False
    assert await double(3) == 6


async def test_who_gives_up_takes_nothing_from_the_others(doubles: Doubles) -> None:
    double = Together(doubles, most=10)
    doubles.may_answer.clear()
    impatient, patient = (asyncio.create_task(double(number)) for number in (1, 2))
    await doubles.was_asked.wait()
    impatient.cancel()
    doubles.may_answer.set()
    assert await patient == 4
    with pytest.raises(asyncio.CancelledError):
        await impatient


async def test_what_nobody_waits_for_any_more_is_not_asked(doubles: Doubles) -> None:
    double = Together(doubles, most=2)
    doubles.may_answer.clear()
    first = asyncio.create_task(double(1))
    await doubles.was_asked.wait()
    gone = [asyncio.create_task(double(number)) for number in (2, 3, 4)]
    patient = asyncio.create_task(double(5))
    for _ in range(5):
        await asyncio.sleep(0)
    for each in gone:
        each.cancel()
    await asyncio.gather(*gone, return_exceptions=True)
    doubles.may_answer.set()
    assert [await first, await patient] == [2, 10]
    assert doubles.asked == [[1], [5]]


async def test_nobody_waits_longer_than_for_one_call(doubles: Doubles) -> None:
    double = Together(doubles, most=10, deadline_s=0.05)
    doubles.may_answer.clear()
    with pytest.raises(StoreUnavailable, match="deadline"):
        await double(1)
    # The one after it waits for its end, and as long.
    with pytest.raises(StoreUnavailable, match="deadline"):
        await double(2)
    doubles.may_answer.set()
    assert await double(3) == 6
    assert doubles.asked == [[1], [3]]


async def test_each_who_is_told_of_a_failure_has_its_own_way_to_it(doubles: Doubles) -> None:
    double = Together(doubles, most=10)
    doubles.fails = True
    lengths = []
    for asked in [asyncio.create_task(double(number)) for number in range(3)]:
        with pytest.raises(LookupError) as raised:
            await asked
        lengths.append(len(raised.traceback))
    assert len(set(lengths)) == 1


async def test_who_waits_for_what_was_cancelled_waits_no_longer_than_for_one_call() -> None:
    async def cancelled(items: Sequence[int]) -> Sequence[int]:
        raise asyncio.CancelledError

    with pytest.raises(StoreUnavailable, match="deadline"):
        await Together(cancelled, most=10, deadline_s=0.05)(1)


async def test_what_waits_behind_what_was_cancelled_is_asked_with_who_comes_next() -> None:
    asked: list[list[int]] = []
    was_asked, may_end = asyncio.Event(), asyncio.Event()

    async def cancelled_at_first(items: Sequence[int]) -> Sequence[int]:
        asked.append(list(items))
        was_asked.set()
        if len(asked) == 1:
            await may_end.wait()
            raise asyncio.CancelledError
        return items

    same = Together(cancelled_at_first, most=10)
    first = asyncio.create_task(same(1))
    await was_asked.wait()
    behind = asyncio.create_task(same(2))
    may_end.set()
    for _ in range(5):
        await asyncio.sleep(0)
    assert [await same(3), await behind] == [3, 2]
    assert asked == [[1], [2, 3]]
    first.cancel()


async def test_who_comes_much_later_has_a_time_of_their_own(doubles: Doubles) -> None:
    double = Together(doubles, most=10, deadline_s=8.0)
    doubles.may_answer.clear()
    first = asyncio.create_task(double(1))
    await doubles.was_asked.wait()
    second = asyncio.create_task(double(2))
    await asyncio.wait([second], timeout=1.1)
    third = asyncio.create_task(double(3))
    await asyncio.sleep(0)
    doubles.may_answer.set()
    assert [await each for each in (first, second, third)] == [2, 4, 6]
    assert doubles.asked == [[1], [2], [3]]
