"""One event loop a worker, on a thread of its own: Huey's threads hand it coroutines."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack
from typing import Any, TypeVar

from config.event_loop import new_event_loop

T = TypeVar("T")

STOP_DEADLINE_S = 10.0


class LoopThread:
    """An asyncio loop that lives on its own thread between `start` and `stop`.

    So the workers run the same asyncio storage as the server, and concurrency is inside the loop.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._loop: asyncio.AbstractEventLoop
        self._thread: threading.Thread | None = None
        self._closing = AsyncExitStack()

    def start(self) -> None:
        """Start the loop and its thread."""
        self._loop = new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=self._name, daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T], *, deadline_s: float) -> T:
        """Run `work` on the loop and return its result, from any other thread.

        Raises what `work` raises, and TimeoutError when it was cancelled at its deadline.
        """
        return asyncio.run_coroutine_threadsafe(
            asyncio.wait_for(work, deadline_s), self._loop
        ).result()

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Let `work` run on the loop until it ends or the loop is stopped."""
        asyncio.run_coroutine_threadsafe(work, self._loop)

    def close_last(self, close: Callable[[], Awaitable[None]]) -> None:
        """Have `close` awaited on the loop once nothing runs there any more."""
        self._closing.push_async_callback(close)

    def stop(self) -> None:
        """Cancel what still runs, and end the thread; nothing happens when it was not started."""
        if self._thread is None:
            return
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(STOP_DEADLINE_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(STOP_DEADLINE_S)
        self._loop.close()
        self._thread = None

    async def _end(self) -> None:
        await _cancel_others()
        await self._closing.aclose()
        await asyncio.get_running_loop().shutdown_asyncgens()


async def _cancel_others() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
