"""Know which requests are under way, so that stopping can let them end."""

from __future__ import annotations

import asyncio


class InFlight:
    """Counts requests."""

    def __init__(self) -> None:
        self._count = 0
        self._none = asyncio.Event()
        self._none.set()

    def __len__(self) -> int:
        return self._count

    def begin(self) -> None:
        """Count a request that begins."""
        self._count += 1
        self._none.clear()

    def end(self) -> None:
        """Count a request that has ended."""
        self._count -= 1
        if self._count == 0:
            self._none.set()

    async def ended(self, *, within_s: float) -> bool:
        """Wait for all to end; tell whether they did."""
        try:
            async with asyncio.timeout(within_s):
                await self._none.wait()
        except TimeoutError:
            return False
        return True
