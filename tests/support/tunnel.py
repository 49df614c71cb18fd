"""A way to a store that can be cut, or stopped from carrying anything."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit


class Tunnel:
    """Carries what is said to the store and back, on the loop of the test."""

    def __init__(self) -> None:
        self.is_open = True
        self.carries = asyncio.Event()
        self.carries.set()
        self.held = 0
        self.port = 0
        self.replies_left: int | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    @asynccontextmanager
    async def to(self, uri: str) -> AsyncIterator[Tunnel]:
        host, port = urlsplit(uri).hostname, urlsplit(uri).port
        tasks: set[asyncio.Task[None]] = set()

        async def carry(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_reply: bool
        ) -> None:
            try:
                while piece := await reader.read(1 << 20):
                    self.held += not self.carries.is_set()
                    await self.carries.wait()
                    if is_reply and self.replies_left is not None:
                        self.replies_left -= 1
                        if self.replies_left < 0:
                            self.cut()
                            return
                    writer.write(piece)
                    await writer.drain()
            except OSError:
                pass
            finally:
                writer.close()

        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if not self.is_open:
                writer.close()
                return
            far_reader, far_writer = await asyncio.open_connection(host, port)
            self._writers |= {writer, far_writer}
            tasks.add(asyncio.create_task(carry(reader, far_writer, is_reply=False)))
            tasks.add(asyncio.create_task(carry(far_reader, writer, is_reply=True)))

        server = await asyncio.start_server(accept, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            self.cut()
            self.carries.set()
            await asyncio.gather(*tasks)

    def cut(self) -> None:
        self.is_open = False
        for writer in self._writers:
            writer.close()
        self._writers.clear()

    def mend(self) -> None:
        self.is_open = True
