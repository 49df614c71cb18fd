"""Ask by one round trip what several callers want to know in the same moment.

    insert = Together(collection.insert_rows, most=100)
    is_new = await insert(row)

What is wanted while the last round trip is under way waits for it, so that load makes round trips
larger and not more. A caller that gives up leaves the others their answers, and what nobody waits
for by its turn is not asked: a store that was away has only those of the last moments to answer.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextvars import Context
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

from storage.client import CALL_DEADLINE_S, StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from types import TracebackType

JOINED_WITHIN = 8
"""A batch is joined for this part of its time: who came last fails with who came first."""

Item = TypeVar("Item")
Answer = TypeVar("Answer")


@dataclass(slots=True, eq=False)
class _Batch(Generic[Item, Answer]):
    """What is asked together, with a future for each caller, by which it is woken."""

    begun_at_s: float
    """By the clock of the loop."""

    expiry: asyncio.TimerHandle
    items: list[Item] = field(default_factory=list)
    callers: list[asyncio.Future[None]] = field(default_factory=list)
    answers: dict[int, Answer] = field(default_factory=dict)
    """By the place of the item."""

    failure: Exception | None = None
    """Apart from the futures: an error in one that nobody looks at any more would be logged."""

    traceback: TracebackType | None = None
    """Of the failure, to which each caller that raises it would add."""

    def awaited(self) -> list[int]:
        """Return the places of those whose callers have not given up."""
        return [place for place, caller in enumerate(self.callers) if not caller.done()]

    def wake(self) -> None:
        """Let the callers see what there is."""
        for place in self.awaited():
            self.callers[place].set_result(None)

    def fail(self, failure: Exception) -> None:
        """Let the callers see that there is nothing."""
        self.failure, self.traceback = failure, failure.__traceback__
        self.wake()


class Together(Generic[Item, Answer]):
    """Gathers what is asked, `most` at a time, for `ask`, which answers in the order given.

    Those of a batch have one deadline, that of a call from when the first of them came, so whoever
    comes much later is not among them.
    """

    def __init__(
        self,
        ask: Callable[[Sequence[Item]], Awaitable[Sequence[Answer]]],
        *,
        most: int,
        deadline_s: float = CALL_DEADLINE_S,
    ) -> None:
        self._ask = ask
        self._most = most
        self._deadline_s = deadline_s
        self._waiting: deque[_Batch[Item, Answer]] = deque()
        self._asking: asyncio.Task[None] | None = None

    async def __call__(self, item: Item) -> Answer:
        """Return the answer to `item`. Raises StoreUnavailable, and what `ask` raises, for all."""
        loop = asyncio.get_running_loop()
        batch = self._waiting[-1] if self._waiting else None
        if batch is None or not self._is_open(batch, loop.time()):
            batch = self._begin(loop)
        place = len(batch.items)
        caller = loop.create_future()
        batch.items.append(item)
        batch.callers.append(caller)
        if self._asking is None:
            # In a context of its own, or its log lines would carry the ids of who came first.
            self._asking = asyncio.create_task(self._ask_all(), context=Context())
        await caller
        if batch.failure is not None:
            raise batch.failure.with_traceback(batch.traceback)
        return batch.answers[place]

    def _is_open(self, batch: _Batch[Item, Answer], now_s: float) -> bool:
        """Tell whether somebody may still join."""
        is_young = now_s - batch.begun_at_s <= self._deadline_s / JOINED_WITHIN
        return is_young and len(batch.items) < self._most

    def _begin(self, loop: asyncio.AbstractEventLoop) -> _Batch[Item, Answer]:
        batch: _Batch[Item, Answer] = _Batch(
            loop.time(), loop.call_later(self._deadline_s, lambda: self._give_up(batch))
        )
        self._waiting.append(batch)
        return batch

    def _give_up(self, batch: _Batch[Item, Answer]) -> None:
        if batch in self._waiting:
            # Who comes from now on waits with others.
            self._waiting.remove(batch)
        batch.fail(StoreUnavailable("deadline"))

    async def _ask_all(self) -> None:
        """Ask for batch after batch until none waits."""
        try:
            while self._waiting:
                await self._carry_out(self._waiting.popleft())
        finally:
            self._asking = None

    async def _carry_out(self, batch: _Batch[Item, Answer]) -> None:
        try:
            if places := batch.awaited():
                answers = await self._ask([batch.items[place] for place in places])
                batch.answers = dict(zip(places, answers, strict=True))
                batch.wake()
        except Exception as error:  # noqa: BLE001 (it goes to all who asked)
            batch.fail(error)
        # Not where this task is cancelled: then their deadline is what ends the callers' waiting.
        batch.expiry.cancel()
