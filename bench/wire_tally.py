"""A relay before the store that counts what it is asked: each command is a round trip.

Nothing of the service is changed by it, and any store may stand behind it. It can also keep some
commands from the store for a while, so that what comes before them is seen by itself. It costs its
own CPU and time, so what is measured through it is counted and not timed. Runs in a client process
of its own (bench/peers.py).
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from bench.peers import Peer

HOST = "127.0.0.1"
DEFAULT_PORT = 27017

HEADER_BYTES = 16
OP_MSG = 2013
"""The one form in which drivers ask since MongoDB 3.6 (its wire protocol, "OP_MSG")."""

BODY_AT = HEADER_BYTES + 5
"""Where the first document is: after the flags and the kind of its section, which is 0."""

TEXT = 2
"""Of a BSON element: a string, its length with the closing zero before it."""

NOT_ASKED_FOR = frozenset({"hello", "ismaster", "isMaster", "ping", "endSessions"})
"""What a driver says of itself, by the clock."""


@dataclass(frozen=True, slots=True)
class Watch:
    """Stand before the store of `uri`; the answer is its URI by way of the relay."""

    uri: str


@dataclass(frozen=True, slots=True)
class Forget:
    """Count from nothing again."""


@dataclass(frozen=True, slots=True)
class Tell:
    """Tell what was asked: `{"find notifications": 3, ...}`."""


@dataclass(frozen=True, slots=True)
class Hold:
    """Keep from the store what is asked by `command`, such as "update listings", until `LetGo`."""

    command: str


@dataclass(frozen=True, slots=True)
class LetGo:
    """Pass on what is held, and hold nothing more."""


@contextmanager
def tallied(uri: str) -> Iterator[tuple[Peer, dict[str, str]]]:
    """Start a tally before the store of `uri`, and name it and the setting that leads to it."""
    with closing(Peer(WireTally)) as tally:
        yield tally, {"SNB_MONGODB_URI": tally.call(Watch(uri)).result}


class WireTally:
    """Counts the commands of all connections together."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.held: str | None = None
        self.askers: set[_Asker] = set()
        self._server: asyncio.Server | None = None
        self._store = ("", 0)

    async def __call__(self, request: Any) -> str | Counter[str] | None:
        """Do what `request` says."""
        match request:
            case Watch(uri):
                return await self._watch(uri)
            case Forget():
                self.asked.clear()
            case Tell():
                return self.asked
            case Hold(command):
                self.held = command
            case LetGo():
                self.held = None
                for asker in self.askers:
                    asker.let_go()
            case _:
                raise TypeError(type(request).__name__)
        return None

    async def _watch(self, uri: str) -> str:
        parts = urlsplit(uri)
        self._store = (parts.hostname or HOST, parts.port or DEFAULT_PORT)
        self._server = await asyncio.get_running_loop().create_server(self._accepted, HOST, 0)
        port = self._server.sockets[0].getsockname()[1]
        account, at, _ = parts.netloc.rpartition("@")
        # Or the driver would go on to where the store says that it is.
        query = "&".join(filter(None, (parts.query, "directConnection=true")))
        return parts._replace(
            netloc=f"{account}{at}{HOST}:{port}", path=parts.path or "/", query=query
        ).geturl()

    def _accepted(self) -> _Asker:
        return _Asker(self, *self._store)


class _Asker(asyncio.Protocol):
    """A connection of the driver, with one to the store behind it."""

    def __init__(self, tally: WireTally, host: str, port: int) -> None:
        self._tally = tally
        self._at = (host, port)
        self._received = bytearray()
        self._waiting = bytearray()
        self._is_held = False
        self._transport: asyncio.Transport | None = None
        self._store: asyncio.Transport | None = None
        self._connecting: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._tally.askers.add(self)
        self._connecting = asyncio.get_running_loop().create_task(self._connect(transport))

    def data_received(self, data: bytes) -> None:
        self._received += data
        while len(self._received) >= 4:
            length = int.from_bytes(self._received[:4], "little")
            if len(self._received) < length:
                return
            message = bytes(self._received[:length])
            del self._received[:length]
            command = command_of(message)
            if command is not None:
                self._tally.asked[command] += 1
                self._is_held = self._is_held or command == self._tally.held
            self._waiting += message
            self._pass_on()

    def let_go(self) -> None:
        """Hold nothing any more."""
        self._is_held = False
        self._pass_on()

    def _pass_on(self) -> None:
        """Give the store what waits, unless there is none yet or it is held."""
        if self._store is not None and not self._is_held:
            self._store.write(bytes(self._waiting))
            self._waiting.clear()

    def connection_lost(self, exc: Exception | None) -> None:
        self._tally.askers.discard(self)
        if self._store is not None:
            self._store.close()

    async def _connect(self, transport: asyncio.Transport) -> None:
        try:
            self._store, _ = await asyncio.get_running_loop().create_connection(
                lambda: _Answerer(transport), *self._at
            )
        except OSError:
            transport.close()
            return
        self._pass_on()
        if transport.is_closing():
            self._store.close()


class _Answerer(asyncio.Protocol):
    """What the store answers goes back as it is."""

    def __init__(self, asker: asyncio.Transport) -> None:
        self._asker = asker

    def data_received(self, data: bytes) -> None:
        self._asker.write(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._asker.close()


def command_of(message: bytes) -> str | None:
    """Return the command and the collection that a whole message asks for.

    None for what is no command, and for what the driver asks for itself.
    """
    if int.from_bytes(message[12:16], "little") != OP_MSG:
        return None
    name_at = BODY_AT + 5
    name_end = message.index(b"\0", name_at)
    command = message[name_at:name_end].decode()
    if command in NOT_ASKED_FOR:
        return None
    if message[name_at - 1] != TEXT:
        return command
    value_at = name_end + 5
    return f"{command} {message[value_at : message.index(0, value_at)].decode()}"
