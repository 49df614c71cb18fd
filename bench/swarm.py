"""The WebSocket client: thousands of connections that look for an id in what they are told.

Frames are not parsed as JSON: that would cost the client as much as the frame costs the server.
Runs in a client process of its own (bench/peers.py).
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.swarm_socket import SentAway, SwarmSocket

ID_FIELD = b'"notification_id":"'
LISTING_FIELD = b'"listing_id":"'
ID_LENGTH = 36


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


class Swarm:
    """The connections of one client process."""

    def __init__(self) -> None:
        self.seen = Seen({})
        self._sockets: set[SwarmSocket] = set()
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

    def read(self) -> None:
        """Take down a `notification.read`."""
        self.seen.reads += 1

    def lost(self, socket: SwarmSocket) -> None:
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
                    socket = SwarmSocket(self, number, token)
                    try:
                        await socket.connect(request.host, request.port)
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
