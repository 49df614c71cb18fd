"""Who a fan-out reaches: recipients in batches, from a cursor on."""

from __future__ import annotations

import sys
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from rules.batching import BatchSizer
from rules.recipients import Recipient
from rules.slots import SLOTS, slots_for

MOST_IN_RANGE = 5_000
"""A range that holds more than this, because fewer were expected, is read in parts."""

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class RecipientBatch:
    """Some of an audience; `next_cursor` is where it goes on once they are told."""

    recipients: Sequence[Recipient]
    next_cursor: int
    rows: int
    """What was read to find them, whoever of it is a recipient."""

    read_s: float


@dataclass(slots=True)
class Stretch:
    """The part of an audience that is told here: from `cursor` to before `until`.

    Whoever reads it moves `read_until`, and down to there `until` may still be brought nearer.
    """

    cursor: int = 0
    until: int = sys.maxsize
    read_until: int = 0


class Audience(ABC):
    """Everybody whom one event concerns, each in one batch.

    A cursor is a number that only the audience understands, 0 the beginning. Whoever reads on from
    one, in another process or with batches of another size, gets just those who are left.
    """

    @property
    @abstractmethod
    def end(self) -> int:
        """Return the cursor at which nobody is left; about half of all are before half of it."""

    @abstractmethod
    def batches(
        self, sizer: BatchSizer, stretch: Stretch | None = None
    ) -> AsyncGenerator[RecipientBatch, None]:
        """Yield the batches of `stretch`, else of all, as large as `sizer` says by then."""


class SlottedAudience(Audience, Generic[Row]):
    """An audience read by closed ranges of slots; the cursor is the first slot that is not told.

    `expected` rows in all size the ranges, and may be wrong.
    """

    def __init__(self, *, expected: int, most_in_range: int = MOST_IN_RANGE) -> None:
        self._expected = expected
        self._most_in_range = most_in_range

    @property
    def expected(self) -> int:
        """Return how many rows are expected in all."""
        return self._expected

    @property
    def end(self) -> int:
        """Return the number of slots."""
        return SLOTS

    async def batches(
        self, sizer: BatchSizer, stretch: Stretch | None = None
    ) -> AsyncGenerator[RecipientBatch, None]:
        """Yield one batch a range of slots, empty ones too."""
        expected = self._expected
        stretch = stretch or Stretch()
        slot = stretch.cursor
        while slot < (end := min(SLOTS, stretch.until)):
            until = stretch.read_until = min(end, slot + slots_for(sizer.rows, expected))
            began = time.monotonic()
            limit = self._most_in_range if until - slot > 1 else None
            rows = await self.read(slot, until, limit=limit)
            if limit is not None and len(rows) >= limit:
                expected = max(expected * 2, limit * SLOTS // (until - slot))
                continue
            recipients = await self.recipients(rows)
            yield RecipientBatch(recipients, until, len(rows), time.monotonic() - began)
            slot = until

    @abstractmethod
    async def read(self, slot_from: int, slot_to: int, *, limit: int | None) -> Sequence[Row]:
        """Return what the slots `slot_from` to before `slot_to` hold, in no order.

        With at least `limit` rows there may be more, and nobody is told of these.
        """

    @abstractmethod
    async def recipients(self, rows: Sequence[Row]) -> Sequence[Recipient]:
        """Return those of `rows` who are to be told, each once."""
