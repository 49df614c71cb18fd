"""All sockets of a process: ping them, find the silent and the stalled, and let them go in the end.

One wheel in place of two timers a connection. Its slots are as many as there are looks between
two pings of one socket; each look pings the sockets of one slot. Only who gives reason to is looked
after at every look: who has been silent for longer than a ping should take, and who has something
unsent. Ten thousand idle sockets cost some three hundred pings a second, and nothing else.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from dataclasses import dataclass
from typing import Protocol

import structlog
from tornado.ioloop import PeriodicCallback

from actors.connection import CloseCode
from server.socket_limits import SocketLimits

LATE_LOOKS = 2
"""What a look may be late, in looks; the process did not run for the rest, and nobody is to blame:
their answers have not been read."""

CLOSED_AT_ONCE = 100
"""Closes between two turns of the loop while all are let go."""

STALLED = "nothing was taken for too long"
SILENT = "no sign of life"
UNANSWERED = "no answer to the close"
"""Reasons, as clients may read and logs have them."""

log = structlog.get_logger(__name__)


class Member(Protocol):
    """A socket as the hub sees it."""

    heard_at_s: float
    """When it last sent anything, by the hub's clock."""

    @property
    def is_closing(self) -> bool:
        """Whether the server, or the client, has begun to close it."""

    @property
    def unsent_bytes(self) -> int:
        """What is written and not taken by the kernel."""

    @property
    def taken_bytes(self) -> int:
        """All that the kernel has taken."""

    def probe(self) -> None:
        """Ask for a sign of life."""

    def close(self, code: CloseCode, reason: str | None = None) -> None:
        """Close it, and log why."""

    def cut(self, why: str | None) -> None:
        """End it without a word, and log why, if there is a reason of its own."""


@dataclass(slots=True)
class _Progress:
    """How far a socket with something unsent has come, and since when it is no further."""

    taken_bytes: int
    since_s: float


class Hub:
    """Knows every socket from its handshake to its end, authenticated or not."""

    def __init__(self, limits: SocketLimits) -> None:
        self.limits = limits
        self.now_s = 0.0
        """The time that this process has run for, as of the last look."""
        self.is_draining = False
        self._slots: list[dict[Member, None]] = [
            {} for _ in range(math.ceil(limits.ping_every_s / limits.look_every_s))
        ]
        self._slot_of: dict[Member, int] = {}
        self._uneasy: dict[Member, _Progress] = {}
        self._turned = 0
        """Slots pinged so far."""
        self._looked_at_s: float | None = None
        self._joined = 0
        self._is_empty = asyncio.Event()
        self._is_empty.set()

    def __len__(self) -> int:
        return len(self._slot_of)

    def join(self, member: Member) -> None:
        """Take a socket in; who comes while all are let go is let go as well."""
        member.heard_at_s = self.now_s
        # Spread evenly, so that those who come at once are not pinged at once for ever after.
        place = self._joined % len(self._slots)
        self._joined += 1
        self._slots[place][member] = None
        self._slot_of[member] = place
        self._is_empty.clear()
        if self.is_draining:
            member.close(CloseCode.SERVER_RESTARTING)

    def leave(self, member: Member) -> None:
        """Forget a socket that is over."""
        place = self._slot_of.pop(member, None)
        if place is None:
            return
        del self._slots[place][member]
        self._uneasy.pop(member, None)
        if not self._slot_of:
            self._is_empty.set()

    def watch(self, member: Member) -> None:
        """Look after a socket at every look, until it gives no more reason to."""
        if member not in self._uneasy and member in self._slot_of:
            self._uneasy[member] = _Progress(member.taken_bytes, self.now_s)

    def look(self, at_s: float) -> None:
        """Ping whose turn has come by `at_s`, a monotonic clock, and end what has to end."""
        if self._looked_at_s is None:
            self._looked_at_s = at_s
        most_s = (1 + LATE_LOOKS) * self.limits.look_every_s
        self.now_s += min(at_s - self._looked_at_s, most_s)
        self._looked_at_s = at_s
        while self._turned < int(self.now_s / self.limits.look_every_s):
            self._ping(self._slots[self._turned % len(self._slots)])
            self._turned += 1
        for member, progress in list(self._uneasy.items()):
            if not self._look_after(member, progress):
                self._uneasy.pop(member, None)

    def keep_looking(self, stack: contextlib.AsyncExitStack) -> None:
        """Look until `stack` is unwound."""
        time = asyncio.get_running_loop().time
        periodic = PeriodicCallback(lambda: self.look(time()), self.limits.look_every_s * 1_000)
        periodic.start()
        stack.callback(periodic.stop)

    async def drain(self, *, within_s: float) -> None:
        """Close every socket with 1012, wait for their answers, and cut who gives none."""
        self.is_draining = True
        ends_at_s = asyncio.get_running_loop().time() + within_s
        for count, member in enumerate(list(self._slot_of), start=1):
            if not member.is_closing:
                member.close(CloseCode.SERVER_RESTARTING)
            if count % CLOSED_AT_ONCE == 0:
                await asyncio.sleep(0)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(ends_at_s):
                await self._is_empty.wait()
        unwilling = list(self._slot_of)
        if unwilling:
            log.info("sockets_cut", count=len(unwilling), why=UNANSWERED)
        for member in unwilling:
            member.cut(None)

    def _ping(self, slot: dict[Member, None]) -> None:
        for member in slot:
            if member.is_closing:
                continue
            member.probe()
            is_silent = self.now_s - member.heard_at_s >= self.limits.ping_every_s
            if is_silent or member.unsent_bytes:
                self.watch(member)

    def _look_after(self, member: Member, progress: _Progress) -> bool:
        """Tell whether there is still reason to look after `member`."""
        if not member.unsent_bytes or member.taken_bytes != progress.taken_bytes:
            progress.taken_bytes = member.taken_bytes
            progress.since_s = self.now_s
        stalled_for_s = self.now_s - progress.since_s
        if member.is_closing:
            if stalled_for_s >= self.limits.cut_after_s:
                member.cut(STALLED)
            return True
        silent_for_s = self.now_s - member.heard_at_s
        if silent_for_s >= self.limits.silent_for_s:
            member.cut(SILENT)
        elif stalled_for_s >= self.limits.stalled_for_s:
            member.close(CloseCode.SLOW_READER, STALLED)
            progress.since_s = self.now_s
        return bool(member.unsent_bytes) or silent_for_s >= self.limits.ping_every_s
