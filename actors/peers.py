"""What this process knows of those it shares the bus with; the actors of the bus keep it true."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from actors.only_here import RELIED_ON_FOR_S, OnlyHere
from actors.shared_time import SharedTime
from actors.stream_progress import StreamProgress
from actors.told_by_bus import ToldByBus

KNOWN_FOR_S = 3.0
"""How long nobody can have joined unseen: below the time for which a member is one without having
shown itself (storage/bus_members.py), so that one who joins and waits that long is seen by all."""


class Peers:
    """The other processes on the bus, and whether this one is on it."""

    def __init__(self, now: datetime) -> None:
        self.others: frozenset[str] = frozenset()
        """Those that were there when last looked at."""

        self.is_joined = False
        """Whether all others know that this process is there, so that what they announce comes."""

        self.times_caught_up = 0

        self.is_caught_up = False
        """Whether all that others told since it was away has been told or looked for here."""

        self.is_looking = False
        """Whether what was missed is being looked for."""

        self.intact_at = now
        """When this process was last known to have been on the bus without a break. A look that was
        made again may say so some seconds too late, which is less than what is looked back."""

        self.stream = StreamProgress()
        """How far this process has read what others tell it."""

        self.told_until = now
        """All that others had stored before was told here, but for what became visible late."""

        self.lost_since: datetime | None = None
        """From when on others may lack what was stored here, if they do."""

        self.is_confessing = False
        """Whether they are being told so."""

        self.settled = asyncio.Event()
        """Set once it has joined, or has found that it cannot just now."""

        self.unregistered: set[UUID] = set()
        """Who has come while there was nobody else: registered before anybody can have joined."""

        self.shared_time = SharedTime()
        """By which moments of this process and of others are compared."""

        self.told = ToldByBus()
        """What this process tells them, so that what they are asked comes behind it."""

        self.only_here = OnlyHere(self.stream)
        """Of whom nobody else need be told."""

        self._known_until_s = 0.0

        self._relying_until_s: dict[str, float] = {}
        """Until when each of the others may rely on what it knows, if it has gone."""

    @property
    def are_none(self) -> bool:
        """Tell whether this process is surely alone: then there is nobody to tell.

        To be asked after the insert, as the registrations are.
        """
        return not self.others and time.monotonic() < self._known_until_s

    def may_be_relying(self, process: str) -> bool:
        """Tell whether `process` may still rely on what it has not heard from here.

        Not once it has long enough been none of those that are there; which they are is in doubt
        while this process looks.
        """
        now_s = time.monotonic()
        return now_s >= self._known_until_s or process in self._relying_until_s

    def join(self) -> None:
        """Take note that all others know that this process is there."""
        self.is_joined = True
        self.only_here.start()

    def leave(self) -> None:
        """Take note that what others announce may not come."""
        self.is_joined = self.is_caught_up = False
        self.only_here.end()

    def was_forgotten(self) -> None:
        """Take note that Redis has forgotten this process, and maybe who is here.

        Some may have come elsewhere without its being told so; they may lack what was stored here.
        """
        if self.only_here.take_relied_on():
            self.lose(self.intact_at)

    def catch_up(self) -> None:
        """Take note that what did not come has been looked for."""
        self.times_caught_up += 1
        self.is_caught_up = True

    def doubt(self) -> None:
        """Rely on nothing while a look at the members is on its way.

        Who joins takes it for the sign that this process knows of them, as soon as it has reached
        Redis and before its answer is here.
        """
        self._known_until_s = 0.0

    def know(self, others: Collection[str], *, asked_at_s: float) -> None:
        """Take in who was there when asked, by the monotonic clock."""
        now_s = time.monotonic()
        self._relying_until_s = {
            process: until_s
            for process, until_s in self._relying_until_s.items()
            if until_s > now_s
        }
        # Those that were there until now, too: another may have taken them off just now.
        there = {*self.others, *others}
        self._relying_until_s.update(dict.fromkeys(there, now_s + RELIED_ON_FOR_S))
        self.others = frozenset(others)
        self._known_until_s = asked_at_s + KNOWN_FOR_S
        self.only_here.show(asked_at_s)

    def tell_until(self, moment: datetime) -> None:
        """Take note that all that was stored before `moment` has been told here."""
        self.told_until = max(self.told_until, moment)

    def lose(self, since: datetime) -> None:
        """Take note that others may lack what was stored here since."""
        self.lost_since = min(since, self.lost_since or since)
