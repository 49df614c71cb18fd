"""Take from a queue what comes together, so that it is dealt with together."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import TypeVar

Item = TypeVar("Item")


async def gathered(
    items: asyncio.Queue[Item | None], *, enough: Callable[[], int], within_s: float
) -> list[Item | None]:
    """Wait for an item; return it with all that is there once there are `enough`, or None.

    How many that is may change meanwhile. What is there `within_s` of the first is enough, too.
    """
    some = [await items.get()]
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(within_s):
            while len(some) < enough() and some[-1] is not None:
                some.append(await items.get())
    while not items.empty():
        some.append(items.get_nowait())
    return some
