"""The end of a worker: told from any thread, and heard at once by who waits on the loop."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator


class Ending:
    """Happens once, and cuts short what waits within `cut`."""

    def __init__(self) -> None:
        self._has_come = threading.Event()
        self._lock = threading.Lock()
        self._waits: dict[asyncio.Timeout, asyncio.AbstractEventLoop] = {}

    @property
    def has_come(self) -> bool:
        """Tell whether it is over."""
        return self._has_come.is_set()

    def come(self) -> None:
        """Have it be over; safe to call from any thread."""
        with self._lock:
            self._has_come.set()
            waits = dict(self._waits)
        for wait, loop in waits.items():
            loop.call_soon_threadsafe(self._cut, wait, loop)

    @contextlib.asynccontextmanager
    async def cut(self, *, after_s: float) -> AsyncIterator[None]:
        """Cancel what is within when it is over, `after_s` from now at the latest.

        Raises TimeoutError then.
        """
        async with asyncio.timeout(after_s) as wait:
            loop = asyncio.get_running_loop()
            with self._lock:
                self._waits[wait] = loop
                if self._has_come.is_set():
                    wait.reschedule(loop.time())
            try:
                yield
            finally:
                with self._lock:
                    del self._waits[wait]

    def _cut(self, wait: asyncio.Timeout, loop: asyncio.AbstractEventLoop) -> None:
        if wait in self._waits:
            wait.reschedule(loop.time())
