"""A TCP relay in front of a server, so that it can be away and come back."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any
from urllib.parse import urlsplit

CHUNK_BYTES = 65_536
WITHIN_S = 30.0
BACKLOG = 100


class Relay:
    """Passes bytes on to the server of `url`, unless it is away.

    It has a thread of its own: drivers say goodbye to their server with the test's loop stopped.
    """

    def __init__(self, url: str) -> None:
        self._target = urlsplit(url)
        self._loop = asyncio.new_event_loop()
        self._listening: socket.socket | None = None
        self._passing: set[asyncio.Task[None]] = set()
        self._port = 0

    @property
    def url(self) -> str:
        """The server's URL by way of the relay."""
        return self._target._replace(netloc=f"127.0.0.1:{self._port}").geturl()

    def appear(self) -> None:
        """Accept connections, always on the same port."""
        self._do(self._appear())

    def vanish(self) -> None:
        """Cut every connection and refuse new ones."""
        self._do(self._vanish())

    def run(self) -> None:
        """Run the relay's loop until `stop`."""
        self._loop.run_forever()
        self._loop.close()

    def stop(self) -> None:
        """End `run`."""
        self._loop.call_soon_threadsafe(self._loop.stop)

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(WITHIN_S)

    async def _appear(self) -> None:
        # Not by asyncio's server or `sock_accept`: what they accept while they are ended is lost.
        self._listening = socket.create_server(("127.0.0.1", self._port), backlog=BACKLOG)
        self._listening.setblocking(False)
        self._port = self._listening.getsockname()[1]
        self._loop.add_reader(self._listening, self._accept, self._listening)

    async def _vanish(self) -> None:
        assert self._listening is not None
        self._loop.remove_reader(self._listening)
        self._listening.close()
        for task in self._passing:
            task.cancel()
        await asyncio.gather(*self._passing, return_exceptions=True)
        self._passing.clear()
        # The transports are closed in the next turn of the loop.
        await asyncio.sleep(0)

    def _accept(self, listening: socket.socket) -> None:
        client, _ = listening.accept()
        client.setblocking(False)
        task = self._loop.create_task(self._pass_on(client))
        self._passing.add(task)
        task.add_done_callback(self._passing.discard)
        # Also that of one that is cut off before it has begun.
        task.add_done_callback(partial(_close, client))

    async def _pass_on(self, client: socket.socket) -> None:
        reader, writer = await asyncio.open_connection(sock=client)
        try:
            there, back = await asyncio.open_connection(self._target.hostname, self._target.port)
            try:
                await asyncio.gather(_copy(reader, back), _copy(there, writer))
            finally:
                back.transport.abort()
        finally:
            writer.transport.abort()
            # The transports are closed in the next turn of the loop.
            await asyncio.sleep(0)


def _close(client: socket.socket, _: asyncio.Task[None]) -> None:
    client.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while chunk := await reader.read(CHUNK_BYTES):
            writer.write(chunk)
            await writer.drain()
    writer.close()


@contextmanager
def relayed(url: str) -> Iterator[Relay]:
    """Put a relay in front of the server of `url`."""
    relay = Relay(url)
    thread = threading.Thread(target=relay.run)
    thread.start()
    try:
        relay.appear()
        yield relay
        relay.vanish()
    finally:
        relay.stop()
        thread.join(WITHIN_S)


def directly(mongodb_uri: str) -> str:
    """Keep the driver from going to the address that the store itself gives."""
    return f"{mongodb_uri}&directConnection=true"
