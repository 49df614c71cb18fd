"""Client processes: each has a loop of its own and does what it is asked over a pipe."""

from __future__ import annotations

import asyncio
import multiprocessing
import signal
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, Protocol

PATIENCE_S = 300.0
"""Every request of ours has a shorter deadline of its own."""


class PeerFailed(Exception):
    """A client process could not do what it was asked."""


class Handler(Protocol):
    """What a client process runs."""

    def __call__(self, request: Any) -> Awaitable[Any]:
        """Do what `request` asks and return the reply."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of a request, and the CPU it took the client process."""

    result: Any
    cpu_s: float


class Peer:
    """The parent's end of one client process; `make_handler` is called in the child."""

    def __init__(self, make_handler: Callable[[], Handler]) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_run, args=(make_handler, theirs), daemon=True)
        self._process.start()
        theirs.close()

    def ask(self, request: object) -> None:
        """Send `request`; the reply is to be fetched with `reply`."""
        self._pipe.send(request)

    def reply(self) -> Reply:
        """Wait for the reply to the oldest request without one; raises PeerFailed."""
        if not self._pipe.poll(PATIENCE_S):
            raise PeerFailed(f"no reply within {PATIENCE_S:.0f} s")
        try:
            reply = self._pipe.recv()
        except EOFError:
            raise PeerFailed("the client process is gone") from None
        if isinstance(reply, str):
            raise PeerFailed(reply)
        assert isinstance(reply, Reply)
        return reply

    def call(self, request: object) -> Reply:
        """Send `request` and wait for the reply."""
        self.ask(request)
        return self.reply()

    def close(self) -> None:
        """End the process."""
        self._pipe.close()
        self._process.join(5.0)
        if self._process.is_alive():
            self._process.kill()


def _run(make_handler: Callable[[], Handler], pipe: Connection) -> None:
    # Ctrl-C reaches the whole group; the parent stops us by closing the pipe.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    asyncio.run(_serve(make_handler, pipe))


async def _serve(make_handler: Callable[[], Handler], pipe: Connection) -> None:
    handle = make_handler()
    while True:
        try:
            request = await asyncio.to_thread(pipe.recv)
        except EOFError:
            return
        began_s = time.process_time()
        try:
            result = await handle(request)
        except Exception as error:  # noqa: BLE001 - the parent is told, and ends the run
            pipe.send(f"{type(request).__name__}: {error!r}")
        else:
            pipe.send(Reply(result, time.process_time() - began_s))
