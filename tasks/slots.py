"""Bound what one worker has handed to a provider without an answer, and how fast it begins more."""

from __future__ import annotations

import asyncio
import itertools
import time
from bisect import insort
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tasks.pace import Pace


class Slots:
    """A number of places, taken several at once and at a pace; one event loop is the only user.

    Who takes for something critical is given places before all others: it waits for one answer of
    the provider and for the rate, and never for what others have in hand. Among equals who came
    first is given all it can use, again and again, before the next: so what ends together was begun
    together, and is written together.
    """

    def __init__(self, places: int, pace: Pace) -> None:
        self._free = places
        self._pace = pace
        self._turns = itertools.count()
        self._critical: list[_Wanted] = []
        self._others: list[_Wanted] = []
        self._later: asyncio.TimerHandle | None = None

    @property
    def free(self) -> int:
        """Return how many places nobody has."""
        return self._free

    @property
    def wanted_by(self) -> int:
        """Return how many wait for places."""
        return len(self._critical) + len(self._others)

    def turn(self) -> int:
        """Return a turn behind all others, to be kept for as long as one has to take places."""
        return next(self._turns)

    async def take(self, most: int, *, turn: int | None = None, is_critical: bool = False) -> int:
        """Wait until there is a place and the pace allows it, take up to `most`; return how many.

        Who is cancelled has taken nothing, and no part of the rate.
        """
        line = self._critical if is_critical else self._others
        wanted = _Wanted(most, self.turn() if turn is None else turn)
        insort(line, wanted, key=_turn_of)
        self._give_out()
        try:
            return await wanted.given
        except asyncio.CancelledError:
            if wanted in line:
                line.remove(wanted)
            if not wanted.given.cancelled():
                self.give(wanted.given.result())
            raise

    def give(self, places: int) -> None:
        """Give places back."""
        self._free += places
        self._give_out()

    def _give_out(self) -> None:
        while self._free and (line := self._critical or self._others):
            if line[0].given.done():
                # Cancelled, and about to leave.
                line.pop(0)
                continue
            now_s = time.monotonic()
            wait_s = self._pace.next_in_s(now_s)
            if wait_s > 0:
                self._give_out_in(wait_s)
                return
            wanted = line.pop(0)
            places = self._pace.most(min(self._free, wanted.most))
            self._pace.begin(places, now_s=now_s)
            self._free -= places
            wanted.given.set_result(places)

    def _give_out_in(self, wait_s: float) -> None:
        if self._later is not None:
            self._later.cancel()
        self._later = asyncio.get_running_loop().call_later(wait_s, self._give_out)


class _Wanted:
    """Somebody who waits for places."""

    __slots__ = ("given", "most", "turn")

    def __init__(self, most: int, turn: int) -> None:
        self.most = most
        self.turn = turn
        self.given: asyncio.Future[int] = asyncio.get_running_loop().create_future()


def _turn_of(wanted: _Wanted) -> int:
    return wanted.turn
