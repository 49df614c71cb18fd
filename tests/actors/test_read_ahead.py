"""What is read ahead comes in order, errors behind it, and nothing is read any more at the end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from actors.read_ahead import read_ahead


class Reading:
    """Numbers, and how many have been asked for."""

    def __init__(self, count: int, *, fails: bool = False) -> None:
        self.asked = 0
        self.has_ended = False
        self.may_go_on = asyncio.Event()
        self.may_go_on.set()
        self._count = count
        self._fails = fails

    async def numbers(self) -> AsyncGenerator[int, None]:
        try:
            for number in range(self._count):
                self.asked += 1
                await self.may_go_on.wait()
                yield number
            if self._fails:
                raise LookupError("bad")
        finally:
            self.has_ended = True


@pytest.mark.parametrize("count", [0, 1, 5])
async def test_everything_comes_in_order(count: int) -> None:
    reading = Reading(count)
    assert [number async for number in read_ahead(reading.numbers())] == list(range(count))
    assert reading.has_ended


async def test_the_next_is_read_meanwhile_and_no_more() -> None:
    reading = Reading(5)
    async with aclosing(read_ahead(reading.numbers())) as numbers:
        assert await anext(numbers) == 0
        for _ in range(10):
            await asyncio.sleep(0)
        assert reading.asked == 2


async def test_an_error_comes_behind_what_was_read_before_it() -> None:
    numbers = read_ahead(Reading(2, fails=True).numbers())
    assert [await anext(numbers), await anext(numbers)] == [0, 1]
    with pytest.raises(LookupError):
        await anext(numbers)


@pytest.mark.parametrize("is_reading", [False, True])
async def test_who_breaks_off_ends_the_reading(is_reading: bool) -> None:
    reading = Reading(5)
    async with aclosing(read_ahead(reading.numbers())) as numbers:
        await anext(numbers)
        if is_reading:
            reading.may_go_on.clear()
        for _ in range(10):
            await asyncio.sleep(0)
    assert reading.has_ended
    assert reading.asked == 2
