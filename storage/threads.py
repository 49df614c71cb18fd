"""The threads on which one client of the store waits for it.

Motor's own are shared by all clients of a process, five for each core: a fan-out or a slow list
would hold those of a critical write. An operation takes one hop, reading what it found included.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

THREADS = 10
"""Of one client. They hold the interpreter in turns: more would only wait for one another."""

Result = TypeVar("Result")


class StoreThreads:
    """Runs what asks the store, some at a time; the others wait in the order they came."""

    def __init__(self, connections: int) -> None:
        """Take how many connections the client may have, 0 for as many as it needs.

        More threads than those would wait for one in the driver, where who comes last may be first:
        of forty lists at once some waited until their time was over.
        """
        most = min(THREADS, connections or THREADS)
        self._pool = ThreadPoolExecutor(max_workers=most, thread_name_prefix="store")

    async def run(self, work: Callable[[], Result]) -> Result:
        """Return what `work` returns. Cancelled before its turn, it is not begun."""
        return await asyncio.get_running_loop().run_in_executor(
            self._pool, copy_context().run, work
        )

    def close(self) -> None:
        """Begin nothing more; what is under way ends by the deadlines of its own."""
        self._pool.shutdown(wait=False, cancel_futures=True)
