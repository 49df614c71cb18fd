from __future__ import annotations

import asyncio
import time

from tasks.pace import Pace
from tasks.slots import Slots


def slots_of(places: int, rate: float | None = None) -> Slots:
    return Slots(places, Pace(rate))


async def taking(slots: Slots, most: int, *, is_critical: bool = False) -> asyncio.Task[int]:
    """Return somebody who waits, once they do."""
    task = asyncio.create_task(slots.take(most, is_critical=is_critical))
    await asyncio.sleep(0)
    return task


async def test_as_many_are_taken_as_there_are() -> None:
    slots = slots_of(3)
    assert await slots.take(2) == 2
    assert await slots.take(5) == 1
    assert slots.free == 0


async def test_who_waits_gets_what_is_given_back_in_order() -> None:
    slots = slots_of(1)
    await slots.take(1)
    first, second = await taking(slots, 1), await taking(slots, 4)
    assert slots.wanted_by == 2
    slots.give(3)
    assert (await first, await second, slots.free) == (1, 2, 0)


async def test_who_keeps_a_turn_is_given_places_before_who_came_later() -> None:
    slots = slots_of(2)
    turn = slots.turn()
    await slots.take(2, turn=turn)
    later = await taking(slots, 1)
    again = asyncio.create_task(slots.take(1, turn=turn))
    await asyncio.sleep(0)
    slots.give(1)
    assert await asyncio.wait_for(again, 1) == 1
    assert not later.done()
    slots.give(1)
    assert await asyncio.wait_for(later, 1) == 1


async def test_what_is_critical_is_given_places_before_all_who_wait() -> None:
    slots = slots_of(1)
    await slots.take(1)
    first, urgent = await taking(slots, 1), await taking(slots, 1, is_critical=True)
    slots.give(1)
    assert await asyncio.wait_for(urgent, 30) == 1
    assert not first.done()
    slots.give(1)
    assert await asyncio.wait_for(first, 30) == 1


async def test_what_is_critical_goes_first_among_those_who_wait_for_the_rate() -> None:
    slots = slots_of(10, rate=10.0)
    assert await slots.take(2) == 2
    first, urgent = await taking(slots, 1), await taking(slots, 1, is_critical=True)
    done, _ = await asyncio.wait([first, urgent], return_when=asyncio.FIRST_COMPLETED)
    assert done == {urgent}
    await first


async def test_places_are_given_at_the_pace() -> None:
    slots = slots_of(10, rate=10.0)
    began_s = time.monotonic()
    assert [await slots.take(2), await slots.take(20)] == [2, 8]
    assert time.monotonic() - began_s >= 0.2


async def test_who_is_given_a_place_and_leaves_gives_it_to_the_next() -> None:
    slots = slots_of(1)
    await slots.take(1)
    first, second = await taking(slots, 1), await taking(slots, 1)
    slots.give(1)
    first.cancel()
    assert await asyncio.wait_for(second, 30) == 1


async def test_who_leaves_before_is_passed_over_and_takes_no_part_of_the_rate() -> None:
    slots = slots_of(1, rate=1_000.0)
    await slots.take(1)
    first, second = await taking(slots, 1), await taking(slots, 1)
    first.cancel()
    # Cancelled and not gone yet, and then gone.
    slots.give(1)
    assert await asyncio.wait_for(second, 30) == 1
    third = await taking(slots, 1)
    third.cancel()
    await asyncio.wait([third])
    assert slots.wanted_by == 0
