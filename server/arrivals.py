"""Who is on the way in; when there are too many, clients are sent away, to come back later.

Everybody comes back at once after a restart or a broken network. What they have to wait for then
is the store. So a few are let in at once, and of them alone do those who are here wait for it; the
others wait for their turn, and this bounds how many they are. One more is refused in no time, at
its handshake (503) or, having passed that, with 1013, and told when to come back, each at another
time.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import NoReturn
from uuid import UUID
from weakref import WeakValueDictionary

from actors.tally import Tally

MOST_WAITING = 2_000
"""Between their token and their greeting: as many as the embedded store lets in within the ten
seconds that clients wait, at 285 a second."""

LET_IN_AT_ONCE = 40
"""Two batches of the recounter: one is being counted while the next one gathers."""

TURN_WITHIN_S = 10.0
"""As long as clients wait for an answer."""

BACK_FROM_S, BACK_TO_S = 2, 15
"""When who is sent away comes back: spread, and most of them when those before them are in."""


class Crowded(Exception):
    """There is no room for one more socket just now."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(f"no room, come back after {retry_after_s} s")
        self.retry_after_s = retry_after_s


class Arrivals:
    """Counts who waits to be greeted, and refuses who would be one too many."""

    def __init__(
        self,
        tally: Tally,
        here: Callable[[], int],
        *,
        most_here: int,
        most_waiting: int = MOST_WAITING,
        at_once: int = LET_IN_AT_ONCE,
        turn_within_s: float = TURN_WITHIN_S,
    ) -> None:
        """Take what tells how many sockets there are, and how many there may be."""
        self._tally = tally
        self._here = here
        self._most_here = most_here
        self._most_waiting = most_waiting
        self._waiting = 0
        self._places = asyncio.Semaphore(at_once)
        self._one_each: WeakValueDictionary[UUID, asyncio.Semaphore] = WeakValueDictionary()
        self._turn_within_s = turn_within_s

    def __len__(self) -> int:
        return self._waiting

    def admit(self) -> None:
        """Let a handshake in; raises Crowded."""
        if self._here() >= self._most_here:
            self._refuse()
        self._look_for_room()

    @asynccontextmanager
    async def turn(self, user_id: UUID) -> AsyncIterator[None]:
        """Wait for a turn to be let in; raises Crowded, also when it does not come in time.

        Of one user's connections one has a turn at once: their actor takes them one by one anyway,
        and while it is busy the others would have all places, and nobody else one.
        """
        self._look_for_room()
        only = self._one_each.get(user_id)
        if only is None:
            # A lock is free for a moment when it is let go, though others wait for it.
            only = self._one_each[user_id] = asyncio.Semaphore(1)
        self._waiting += 1
        try:
            if only.locked() or self._places.locked():
                await self._take_in_time(only)
            else:
                await self._take(only)
            try:
                yield
            finally:
                self._places.release()
                only.release()
        finally:
            self._waiting -= 1

    async def _take_in_time(self, only: asyncio.Semaphore) -> None:
        try:
            async with asyncio.timeout(self._turn_within_s):
                await self._take(only)
        except TimeoutError:
            self._refuse()

    async def _take(self, only: asyncio.Semaphore) -> None:
        """Take a place, and `only`, or neither; what is free is taken without a wait."""
        await only.acquire()
        try:
            await self._places.acquire()
        except BaseException:
            only.release()
            raise

    def _look_for_room(self) -> None:
        if self._waiting >= self._most_waiting:
            self._refuse()

    def _refuse(self) -> NoReturn:
        self._tally.sockets_refused += 1
        raise Crowded(random.randint(BACK_FROM_S, BACK_TO_S))  # noqa: S311 (jitter)
