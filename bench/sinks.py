"""Where mails and pushes end: an SMTP server and an FCM, each in a process of its own.

They take everything. FCM is the one of the tests.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from abc import ABC, abstractmethod
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.support.peers.fcm import fcm_peer
from tests.support.peers.http_peer import Reply

HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Open:
    """Begin to listen; the answer is the provider's URL, for which files go to `directory`."""

    directory: Path


@dataclass(frozen=True, slots=True)
class Answer:
    """Forget what arrived, and from now on answer `after_s` after each arrival."""

    after_s: float


@dataclass(frozen=True, slots=True)
class Await:
    """Wait until `count` have arrived, for at most `within_s`, and tell of them."""

    count: int
    within_s: float


@dataclass(frozen=True, slots=True)
class Close:
    """Listen no more."""


@dataclass(slots=True)
class Arrived:
    """When each destination was first reached (CLOCK_MONOTONIC), and what came again."""

    at_s: dict[str, float] = field(default_factory=dict)
    repeated: int = 0
    in_flight: int = 0
    most_in_flight: int = 0


class Sink(ABC):
    """Counts arrivals, which are told apart by their destination: one for each is expected."""

    def __init__(self) -> None:
        self.after_s = 0.0
        self.arrived = Arrived()
        self._wanted = 0
        self._is_enough = asyncio.Event()
        self.listening = AsyncExitStack()

    async def __call__(self, request: Any) -> Any:
        """Do what `request` says."""
        match request:
            case Open(directory):
                return await self.open(directory)
            case Close():
                await self.listening.aclose()
            case Answer(after_s):
                self.after_s = after_s
                self.arrived = Arrived()
            case Await(count, within_s):
                self._wanted = count
                self._is_enough.clear()
                self._look()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._is_enough.wait(), within_s)
                return self.arrived
        return None

    @abstractmethod
    async def open(self, directory: Path) -> str:
        """Listen, and return the URL for the settings."""

    def begin(self, destination: str) -> Arrived:
        """Take in an arrival; the answer to it ends what is returned here."""
        arrived = self.arrived
        if destination in arrived.at_s:
            arrived.repeated += 1
        arrived.at_s.setdefault(destination, time.monotonic())
        arrived.in_flight += 1
        arrived.most_in_flight = max(arrived.most_in_flight, arrived.in_flight)
        self._look()
        return arrived

    def _look(self) -> None:
        if len(self.arrived.at_s) >= self._wanted:
            self._is_enough.set()


class MailSink(Sink):
    """An SMTP server; mails are told apart by their recipient."""

    async def open(self, directory: Path) -> str:
        """Listen on a free port."""
        del directory
        server = await asyncio.get_running_loop().create_server(lambda: SMTP(self), HOST, 0)
        self.listening.callback(server.close)
        return f"smtp://{HOST}:{server.sockets[0].getsockname()[1]}"

    async def handle_DATA(self, _: SMTP, __: Session, envelope: Envelope) -> str:  # noqa: N802
        """Take a mail (aiosmtpd's hook)."""
        arrived = self.begin(envelope.rcpt_tos[0])
        await asyncio.sleep(self.after_s)
        arrived.in_flight -= 1
        return "250 taken"


class PushSink(Sink):
    """FCM; pushes are told apart by the token of their device."""

    async def open(self, directory: Path) -> str:
        """Listen on a free port, and write the account that is let in."""
        peer = await self.listening.enter_async_context(fcm_peer())

        def answer(token: str) -> Reply:
            peer.messages.clear()
            arrived = self.begin(token)
            asyncio.get_running_loop().call_later(self.after_s, self._end, arrived)
            return Reply(after_s=self.after_s)

        peer.answer = answer
        return f"fcm:{peer.account(directory)}?endpoint={peer.url}"

    @staticmethod
    def _end(arrived: Arrived) -> None:
        arrived.in_flight -= 1
