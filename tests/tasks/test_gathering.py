from __future__ import annotations

import asyncio

from tasks.gathering import gathered

LONG_S = 60.0


def queue_of(*items: int | None) -> asyncio.Queue[int | None]:
    queue: asyncio.Queue[int | None] = asyncio.Queue()
    for item in items:
        queue.put_nowait(item)
    return queue


async def test_what_is_there_is_taken_at_once_when_it_is_enough() -> None:
    queue = queue_of(1, 2, 3)
    assert await gathered(queue, enough=lambda: 2, within_s=LONG_S) == [1, 2, 3]
    assert queue.empty()


async def test_what_comes_is_waited_for_until_it_is_enough() -> None:
    queue = queue_of(1)
    gathering = asyncio.create_task(gathered(queue, enough=lambda: 2, within_s=LONG_S))
    await asyncio.sleep(0)
    assert not gathering.done()
    queue.put_nowait(2)
    assert await asyncio.wait_for(gathering, LONG_S) == [1, 2]


async def test_it_is_waited_for_no_longer_than_said() -> None:
    assert await asyncio.wait_for(
        gathered(queue_of(1), enough=lambda: 2, within_s=0.01), LONG_S
    ) == [1]


async def test_after_the_end_nothing_is_waited_for() -> None:
    assert await gathered(queue_of(1, None), enough=lambda: 9, within_s=LONG_S) == [1, None]
    assert await gathered(queue_of(None), enough=lambda: 9, within_s=LONG_S) == [None]


async def test_what_is_enough_may_become_less_while_others_are_waited_for() -> None:
    queue, most = queue_of(1), 3
    gathering = asyncio.create_task(gathered(queue, enough=lambda: most, within_s=LONG_S))
    await asyncio.sleep(0)
    most = 2
    queue.put_nowait(2)
    assert await asyncio.wait_for(gathering, LONG_S) == [1, 2]
