from __future__ import annotations

import asyncio

from tasks.slots import Slots


async def test_as_many_are_taken_as_there_are() -> None:
    slots = Slots(3)
    assert await slots.take(2) == 2
    assert await slots.take(5) == 1
    assert slots.free == 0


async def test_who_waits_gets_what_is_given_back_in_order() -> None:
    slots = Slots(1)
    await slots.take(1)
    first, second = asyncio.create_task(slots.take(1)), asyncio.create_task(slots.take(4))
    await asyncio.sleep(0)
    slots.give(3)
    assert (await first, await second, slots.free) == (1, 2, 0)


async def test_who_is_woken_and_leaves_wakes_the_next() -> None:
    slots = Slots(1)
    await slots.take(1)
    first, second = asyncio.create_task(slots.take(1)), asyncio.create_task(slots.take(1))
    await asyncio.sleep(0)
    slots.give(1)
    first.cancel()
    assert await asyncio.wait_for(second, 1) == 1


async def test_who_leaves_before_is_passed_over() -> None:
    slots = Slots(1)
    await slots.take(1)
    first, second = asyncio.create_task(slots.take(1)), asyncio.create_task(slots.take(1))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.wait([first])
    slots.give(1)
    assert await asyncio.wait_for(second, 1) == 1
