"""Read the next while what was read is being dealt with."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import TypeVar

T = TypeVar("T")


async def read_ahead(items: AsyncGenerator[T, None]) -> AsyncGenerator[T, None]:
    """Yield `items`, each after the reading of the one behind it has begun.

    An error in reading is raised behind what was read before it.
    """
    reading = asyncio.ensure_future(anext(items, None))
    try:
        while (item := await reading) is not None:
            reading = asyncio.ensure_future(anext(items, None))
            yield item
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        await items.aclose()
