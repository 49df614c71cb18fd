"""Measure how late the loop is: what everything on it waits for, whoever blocks it."""

from __future__ import annotations

import asyncio
import contextlib
from contextlib import AsyncExitStack

from actors.distribution import Distribution

EVERY_S = 0.25

BOUNDS_S = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
"""From what is always there to what clients notice."""


def measure_loop_lag(stack: AsyncExitStack) -> Distribution:
    """Return what is measured from now on until `stack` is closed."""
    lag = Distribution(BOUNDS_S)
    task = asyncio.create_task(_measure(lag), name="loop lag")

    async def stop() -> None:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    stack.push_async_callback(stop)
    return lag


async def _measure(lag: Distribution) -> None:
    loop = asyncio.get_running_loop()
    while True:
        due_at_s = loop.time() + EVERY_S
        await asyncio.sleep(EVERY_S)
        lag.observe(max(0.0, loop.time() - due_at_s))
