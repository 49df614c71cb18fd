"""The WebSocket client: thousands of connections that read frame headers and look for an id.

Frames are not parsed as JSON: that would cost the client as much as the frame costs the server.
What a frame is, is told from its first bytes, which the server writes the same for every
recipient. Runs in a client process of its own (bench/peers.py).
"""

from __future__ import annotations

import asyncio
import json
import time
from base64 import urlsafe_b64decode
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

AUTHENTICATED = b'{"type":"authentication_success"'
ANNOUNCED = b'{"type":"notification.new"'
READ = b'{"type":"notification.read"'
ID_FIELD = b'"notification_id":"'
LISTING_FIELD = b'"listing_id":"'
ID_LENGTH = 36

TEXT, CLOSE, PING = 1, 8, 9
"""Opcodes (RFC 6455 §5.2)."""

TRY_AGAIN_LATER = (1013).to_bytes(2, "big")

CONNECT_WITHIN_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Connect:
    """Open one connection a token, `at_once` under way together, each until authenticated.

    Who is sent away comes back when told to.
    """

    host: str
    port: int
    tokens: Sequence[str]
    at_once: int


@dataclass(frozen=True, slots=True)
class Expect:
    """Look for frames of `listing_ids` from now on."""

    listing_ids: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Await:
    """Wait until `frames` of the expected listings came, for at most `deadline_s`."""

    frames: int
    deadline_s: float


@dataclass(frozen=True, slots=True)
class Report:
    """Say what has come since `Expect`."""


@dataclass(frozen=True, slots=True)
class Disconnect:
    """Close all connections."""


@dataclass(frozen=True, slots=True)
class Connected:
    """When it began and ended (CLOCK_MONOTONIC), and how long each took until authenticated."""

    began_s: float
    ended_s: float
    latencies_s: list[float]
    sent_away: int
    """How often somebody was."""


@dataclass(slots=True)
class Seen:
    """What came since `Expect`."""

    at_s: dict[bytes, list[float]]
    """When the frames of each listing came (CLOCK_MONOTONIC)."""

    frames: int = 0
    ids: set[bytes] = field(default_factory=set)
    frames_by_connection: Counter[int] = field(default_factory=Counter)
    reads: int = 0
    connections_lost: int = 0

    @property
    def repeated(self) -> int:
        """Frames of a notification that had come before."""
        return self.frames - len(self.ids)


class SentAway(Exception):
    """The server has no room just now."""

    def __init__(self, after_s: float) -> None:
        super().__init__(f"to come back after {after_s} s")
        self.after_s = after_s


class _Socket(asyncio.Protocol):
    """One connection."""

    __slots__ = ("_buffer", "_is_open", "_number", "_swarm", "_token", "_transport", "ready")

    def __init__(self, swarm: Swarm, number: int, token: str) -> None:
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._swarm = swarm
        self._number = number
        self._token = token
        self._buffer = b""
        self._is_open = False
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(
            b"GET /ws/notifications/%b/ HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n" % _user_id(self._token)
        )

    def data_received(self, data: bytes) -> None:
        if self._buffer:
            data = self._buffer + data
        if not self._is_open:
            head, found, data = data.partition(b"\r\n\r\n")
            if not found:
                self._buffer = head
                return
            self._opened(head)
        self._buffer = self._read_frames(data) if self._is_open else b""

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.ready.done():
            self.ready.set_exception(ConnectionError(f"closed before authenticated: {exc!r}"))
        self._swarm.lost(self)

    def close(self) -> None:
        """Close without a word; the server sees the connection end."""
        assert self._transport is not None
        self._transport.close()

    def _opened(self, head: bytes) -> None:
        if head.startswith(b"HTTP/1.1 503"):
            _, _, after = head.partition(b"Retry-After: ")
            self.ready.set_exception(SentAway(int(after.partition(b"\r\n")[0])))
            self.close()
            return
        if not head.startswith(b"HTTP/1.1 101"):
            raise ConnectionError(head[:80].decode("latin-1"))
        self._is_open = True
        message = json.dumps({"type": "authenticate", "token": self._token}).encode()
        self._send(TEXT, message)

    def _read_frames(self, data: bytes) -> bytes:
        """Handle the whole frames of `data` and return the rest."""
        at = 0
        while len(data) - at >= 2:
            length = data[at + 1]
            begin = at + 2
            if length == 126:
                begin = at + 4
                length = int.from_bytes(data[at + 2 : begin], "big")
            elif length == 127:
                begin = at + 10
                length = int.from_bytes(data[at + 2 : begin], "big")
            end = begin + length
            if len(data) < end or len(data) < begin:
                break
            self._frame(data[at] & 0x0F, data[begin:end])
            at = end
        return data[at:]

    def _frame(self, opcode: int, payload: bytes) -> None:
        if opcode == TEXT:
            if payload.startswith(ANNOUNCED):
                self._swarm.announced(self._number, payload)
            elif payload.startswith(READ):
                self._swarm.seen.reads += 1
            elif payload.startswith(AUTHENTICATED) and not self.ready.done():
                self.ready.set_result(None)
        elif opcode == PING:
            self._send(PING + 1, payload)
        elif opcode == CLOSE and payload.startswith(TRY_AGAIN_LATER) and not self.ready.done():
            after_ms = json.loads(payload[2:])["reconnect_after_ms"]
            self.ready.set_exception(SentAway(after_ms / 1e3))
            self.close()

    def _send(self, opcode: int, payload: bytes) -> None:
        """Send a frame; a mask of zeros is a mask, and leaves the payload as it is."""
        assert self._transport is not None
        length = len(payload)
        extended = b"" if length < 126 else length.to_bytes(2, "big")
        head = bytes([0x80 | opcode, 0x80 | (126 if extended else length)])
        self._transport.write(head + extended + bytes(4) + payload)


class Swarm:
    """The connections of one client process."""

    def __init__(self) -> None:
        self.seen = Seen({})
        self._sockets: set[_Socket] = set()
        self._wanted = 0
        self._complete = asyncio.Event()

    async def __call__(self, request: Any) -> Connected | Seen | None:
        """Do what `request` asks."""
        match request:
            case Connect():
                return await self._connect(request)
            case Expect():
                self.seen = Seen({each.encode(): [] for each in request.listing_ids})
            case Await():
                await self._await(request)
            case Report():
                return self.seen
            case Disconnect():
                await self._disconnect()
            case _:
                raise TypeError(type(request).__name__)
        return None

    def announced(self, number: int, payload: bytes) -> None:
        """Take down a `notification.new`."""
        seen = self.seen
        listing_at = payload.find(LISTING_FIELD) + len(LISTING_FIELD)
        at_s = seen.at_s.get(payload[listing_at : listing_at + ID_LENGTH])
        if at_s is None:
            return
        at_s.append(time.monotonic())
        begin = payload.rfind(ID_FIELD) + len(ID_FIELD)
        seen.ids.add(payload[begin : begin + ID_LENGTH])
        seen.frames += 1
        seen.frames_by_connection[number] += 1
        if seen.frames == self._wanted:
            self._complete.set()

    def lost(self, socket: _Socket) -> None:
        """Take down the end of a connection that we did not close."""
        if socket in self._sockets:
            self._sockets.discard(socket)
            self.seen.connections_lost += 1

    async def _connect(self, request: Connect) -> Connected:
        numbered = iter(enumerate(request.tokens))
        latencies_s: list[float] = []
        sent_away = 0
        began_s = time.monotonic()

        async def connect_in_turn() -> None:
            nonlocal sent_away
            for number, token in numbered:
                started_s = time.monotonic()
                while True:
                    socket = _Socket(self, number, token)
                    try:
                        await _authenticated(socket, request.host, request.port)
                    except SentAway as again:
                        sent_away += 1
                        await asyncio.sleep(again.after_s)
                    else:
                        break
                self._sockets.add(socket)
                latencies_s.append(time.monotonic() - started_s)

        await asyncio.gather(*(connect_in_turn() for _ in range(request.at_once)))
        return Connected(began_s, time.monotonic(), latencies_s, sent_away)

    async def _await(self, request: Await) -> None:
        self._wanted = request.frames
        self._complete.clear()
        if self.seen.frames >= request.frames:
            return
        try:
            async with asyncio.timeout(request.deadline_s):
                await self._complete.wait()
        except TimeoutError:
            return

    async def _disconnect(self) -> None:
        sockets, self._sockets = self._sockets, set()
        for socket in sockets:
            socket.close()


def _user_id(token: str) -> bytes:
    """Return whose `token` it is, for the address: a balancer by user goes by it."""
    claims = token.split(".")[1]
    user_id: str = json.loads(urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["sub"]
    return user_id.encode()


async def _authenticated(socket: _Socket, host: str, port: int) -> None:
    """Connect and wait for the greeting; raises SentAway."""
    async with asyncio.timeout(CONNECT_WITHIN_S):
        await asyncio.get_running_loop().create_connection(lambda: socket, host, port)
        await socket.ready
