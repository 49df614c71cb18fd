"""Give rows their positions: the order in which inboxes, `sync` and catch-up show them.

A position is the time of insert, kept to the store's clock. Within a process positions rise
strictly; those of two processes may become visible out of order, by as much as their clocks and
inserts differ, which is why readers look back a little.
"""

from __future__ import annotations

import time
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from storage.client import driver_of, store_call

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from motor.motor_asyncio import AsyncIOMotorDatabase

    from storage.client import Document

TRUSTED_OFFSET_S = 5.0
"""A clock further than this from the store's makes the process not ready (architecture.md)."""

MEASUREMENTS = 3
"""The one with the shortest round trip counts: it bounds the error by half that trip."""

DOUBTFUL_FOR_MS = 60_000
"""Twice what readers look back."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Position:
    """Where a write stands, and up to where this process had announced all it wrote before."""

    created_at: datetime
    floor: datetime
    """The oldest position that this process was still writing, this one included."""

    def at(self, place: int) -> Position:
        """Return the position of the write's row at `place`, of as many as were asked for."""
        return Position(self.created_at + place * MILLISECOND, self.floor) if place else self


class PositionClock:
    """The clock of one process; its event loop is the only one to use it."""

    def __init__(self, *, wall: Callable[[], float] = time.time) -> None:
        self._wall = wall
        self._offset_s: float | None = None
        self._last_ms = 0
        self._writing: dict[int, None] = {}
        self._doubtful: deque[int] = deque()
        self._unannounced: set[int] = set()

    @property
    def offset_s(self) -> float:
        """Return how far the store's clock is ahead of this machine's; 0.0 until measured."""
        return self._offset_s or 0.0

    @property
    def is_trusted(self) -> bool:
        """Tell whether the offset has been measured and is small enough to serve with."""
        return self._offset_s is not None and abs(self._offset_s) <= TRUSTED_OFFSET_S

    def store_now(self) -> datetime:
        """Return the store's time, to the millisecond that the store keeps."""
        return from_ms(self._now_ms())

    @property
    def given_until(self) -> datetime:
        """Return the time up to which positions may have been given here."""
        return from_ms(max(self._now_ms(), self._last_ms))

    async def measure(self, database: AsyncIOMotorDatabase[Document]) -> None:
        """Ask the store for its time, taken to be read half way through the round trip."""
        measured: list[tuple[float, float]] = []
        for _ in range(MEASUREMENTS):
            sent = self._wall()
            async with store_call():
                reply = await driver_of(database).client.admin.command("hello")
            received = self._wall()
            store = reply["localTime"].replace(tzinfo=UTC).timestamp()
            measured.append((received - sent, store - (sent + received) / 2))
        self._offset_s = min(measured)[1]

    @contextmanager
    def writing(self, places: int = 1) -> Iterator[Position]:
        """Give the first of `places` positions of what is inserted *and announced here* inside.

        So a row of the same process with `created_at` below the floor had been announced before
        this position was given. A write that ended in an error may be visible without having been
        announced; it holds the floor down until readers no longer look back so far.
        """
        now_ms = max(self._now_ms(), self._last_ms + 1)
        self._last_ms = now_ms + places - 1
        self._forget_doubtful(now_ms)
        self._writing[now_ms] = None
        try:
            yield Position(from_ms(now_ms), from_ms(next(iter(self._writing))))
        except BaseException:
            self._unannounced.discard(now_ms)
            self._doubtful.append(now_ms)
            raise
        if now_ms in self._unannounced:
            self._unannounced.discard(now_ms)
            self._doubtful.append(now_ms)
        else:
            del self._writing[now_ms]

    def doubt(self, position: Position) -> None:
        """Take note, inside its block, that what has `position` was not announced everywhere."""
        self._unannounced.add(to_ms(position.created_at))

    def _forget_doubtful(self, now_ms: int) -> None:
        while self._doubtful and self._doubtful[0] < now_ms - DOUBTFUL_FOR_MS:
            del self._writing[self._doubtful.popleft()]

    def _now_ms(self) -> int:
        return int((self._wall() + self.offset_s) * 1000)


def from_ms(ms: int) -> datetime:
    """Return the moment that lies `ms` after the epoch."""
    return EPOCH + ms * MILLISECOND


def to_ms(moment: datetime) -> int:
    """Return how many milliseconds after the epoch `moment` lies."""
    return (moment - EPOCH) // MILLISECOND
