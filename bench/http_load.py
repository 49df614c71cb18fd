"""The REST client: keep-alive HTTP/1.1 connections that send prepared requests, one at a time each.

It parses no more of an answer than its status and length, so that it costs little beside the
server. Runs in a client process of its own (bench/peers.py).
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

KEPT_BYTES = 300
"""Of the first answer that was not expected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Send `requests` over `connections`, each taking the next when its last is answered.

    None is begun after `deadline_s`, nor, where there is a pace, before its turn.
    """

    host: str
    port: int
    connections: int
    requests: Sequence[bytes]
    expected_status: int | None
    """None for requests of several kinds, of which each status is expected that begins with 2."""

    deadline_s: float
    keeps_bodies: bool = False
    every_s: float = 0.0
    """The pace: request n is due that many times n after the first."""

    def expects(self, status: int) -> bool:
        """Tell whether an answer of `status` is as it should be."""
        if self.expected_status is None:
            return status // 100 == 2
        return status == self.expected_status


@dataclass(slots=True)
class Loaded:
    """What came of a load."""

    latencies_s: list[float] = field(default_factory=list)
    answered_at_s: dict[int, float] = field(default_factory=dict)
    """Number of the request -> when its answer was here (CLOCK_MONOTONIC)."""

    statuses: Counter[int] = field(default_factory=Counter)
    bodies: list[bytes] = field(default_factory=list)
    unexpected: str | None = None
    began_s: float = 0.0
    ended_s: float = 0.0

    @property
    def failures(self) -> int:
        """Requests whose answer was not the expected one, or that had none."""
        return self.statuses.total() - len(self.latencies_s)


def request(method: str, path: str, token: str, body: object = None, *headers: str) -> bytes:
    """Return the bytes of an HTTP request; `body` goes as JSON."""
    content = b"" if body is None else json.dumps(body).encode()
    lines = [f"{method} {path} HTTP/1.1", "Host: bench", f"Authorization: Bearer {token}", *headers]
    if body is not None:
        lines += ["Content-Type: application/json", f"Content-Length: {len(content)}"]
    return "\r\n".join([*lines, "", ""]).encode() + content


class _Caller(asyncio.Protocol):
    """One connection; it takes its next request as soon as it has its answer."""

    def __init__(
        self, load: Load, todo: deque[tuple[int, bytes]], result: Loaded, ends_s: float
    ) -> None:
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._load = load
        self._todo = todo
        self._result = result
        self._ends_s = ends_s
        self._received = b""
        self._sent_s = 0.0
        self._number = 0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def start(self) -> None:
        """Send the next request when it is due, or end."""
        assert self._transport is not None
        now_s = time.monotonic()
        if not self._todo or now_s > self._ends_s:
            self._transport.close()
            self.done.set_result(None)
            return
        self._number, request = self._todo.popleft()
        early_s = self._result.began_s + self._number * self._load.every_s - now_s
        if early_s > 0:
            asyncio.get_running_loop().call_later(early_s, self._send, request)
        else:
            self._send(request)

    def _send(self, request: bytes) -> None:
        assert self._transport is not None
        self._sent_s = time.monotonic()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        end_of_head = self._received.find(b"\r\n\r\n")
        if end_of_head < 0:
            return
        head = self._received[:end_of_head].lower()
        _, _, length = head.partition(b"content-length:")
        end = end_of_head + 4 + int(length.partition(b"\r\n")[0])
        if len(self._received) < end:
            return
        self._answered(int(head[9:12]), self._received[end_of_head + 4 : end])
        self._received = b""
        self.start()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self._result.statuses[0] += 1
            self._result.unexpected = self._result.unexpected or f"connection lost: {exc!r}"
            self.done.set_result(None)

    def _answered(self, status: int, body: bytes) -> None:
        result = self._result
        result.statuses[status] += 1
        if self._load.expects(status):
            now_s = time.monotonic()
            result.latencies_s.append(now_s - self._sent_s)
            result.answered_at_s[self._number] = now_s
        elif result.unexpected is None:
            result.unexpected = f"{status} {body[:KEPT_BYTES].decode('utf-8', 'replace')}"
        if self._load.keeps_bodies:
            result.bodies.append(body)


class HttpLoad:
    """Carries out loads."""

    async def __call__(self, request: Any) -> Loaded:
        """Carry out a `Load`; connections are opened before the time is taken."""
        assert isinstance(request, Load)
        loop = asyncio.get_running_loop()
        result = Loaded()
        todo = deque(enumerate(request.requests))
        ends_s = time.monotonic() + request.deadline_s
        callers = []
        for _ in range(min(request.connections, len(todo))):
            _, caller = await loop.create_connection(
                lambda: _Caller(request, todo, result, ends_s), request.host, request.port
            )
            callers.append(caller)
        result.began_s = time.monotonic()
        for caller in callers:
            caller.start()
        async with asyncio.timeout(request.deadline_s + 30.0):
            await asyncio.gather(*(caller.done for caller in callers))
        result.ended_s = time.monotonic()
        return result
