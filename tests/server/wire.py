"""Speak HTTP as written: what a client library would never send, and what it would hide."""

from __future__ import annotations

import asyncio
import contextlib
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from tornado.httputil import HTTPHeaders

from tests.support.api import Answer, assert_invariants

WITHIN_S = 30.0


@dataclass(slots=True)
class Wire:
    """One TCP connection to the service."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    asked: str = ""
    """The last request line."""

    @classmethod
    async def open(cls, base_url: str) -> Wire:
        """Connect and send nothing."""
        address = urlsplit(base_url)
        return cls(*await asyncio.open_connection(address.hostname, address.port))

    async def send(self, head: str, *headers: str, body: bytes = b"") -> None:
        """Send a request line, headers and some of a body, exactly as given."""
        self.asked = head
        lines = [head, "Host: 127.0.0.1", *headers, "", ""]
        self.writer.write("\r\n".join(lines).encode("latin-1") + body)
        await self.writer.drain()

    async def answer(self, *, has_body: bool = True) -> Answer:
        """Return the next answer, having asserted its invariants."""
        async with asyncio.timeout(WITHIN_S):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            status_line, _, rest = head.partition("\r\n")
            headers = HTTPHeaders.parse(rest)
            length = int(headers.get("Content-Length", "0")) if has_body else 0
            content = await self.reader.readexactly(length)
        answer = Answer(int(status_line.split()[1]), _json(content), headers)
        if has_body:
            method, target = self.asked.split()[:2]
            assert_invariants(answer, method, target)
        return answer

    async def is_closed_by_the_server(self) -> bool:
        """Wait for the end of the connection, before which nothing more may come."""
        async with asyncio.timeout(WITHIN_S):
            return await self.reader.read(1) == b""

    async def close(self) -> None:
        """Close the connection, whatever the server did to it before."""
        self.writer.close()
        with contextlib.suppress(OSError):
            await self.writer.wait_closed()


def _json(content: bytes) -> Any:
    return json.loads(content) if content else None
