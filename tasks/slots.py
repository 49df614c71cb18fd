"""Bound what one worker has handed to a provider without an answer."""

from __future__ import annotations

import asyncio
from collections import deque


class Slots:
    """A number of places, taken several at once; one event loop is the only one to use it."""

    def __init__(self, places: int) -> None:
        self._free = places
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def free(self) -> int:
        """Return how many places nobody has."""
        return self._free

    async def take(self, most: int) -> int:
        """Wait until there is a place, take up to `most`, and return how many."""
        while self._free == 0:
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(waiter)
            try:
                await waiter
            except asyncio.CancelledError:
                # Who was woken and leaves wakes the next, or a free place would wait for nobody.
                if waiter.done() and not waiter.cancelled():
                    self._wake()
                raise
        taken = min(self._free, most)
        self._free -= taken
        if self._free:
            self._wake()
        return taken

    def give(self, places: int) -> None:
        """Give places back."""
        self._free += places
        self._wake()

    def _wake(self) -> None:
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return
