"""The event loop of server processes and workers."""

from __future__ import annotations

import asyncio


def new_event_loop() -> asyncio.AbstractEventLoop:
    """Return a loop of libuv's where there is one, Python's own elsewhere.

    It wakes for sockets with fewer system calls (docs/performance.md).
    Nothing here needs one or the other.
    """
    try:
        import uvloop  # noqa: PLC0415 (not to be had everywhere)
    except ImportError:
        return asyncio.new_event_loop()
    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return loop
