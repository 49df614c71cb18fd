"""Ask by one round trip what several callers want to know in the same moment.

    insert = Together(collection.insert_rows, most=100)
    is_new = await insert(row)

What is wanted while the last round trip is under way waits for it, so that load makes round trips
larger and not more. A caller that gives up leaves the others their answers, and what nobody waits
for by its turn is not asked: a store that was away has only those of the last moments to answer.
"""

from __future__ import annotations

import asyncio
from contextvars import Context
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

from storage.client import store_call

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

Item = TypeVar("Item")
Answer = TypeVar("Answer")


@dataclass(slots=True, eq=False)
class _Batch(Generic[Item, Answer]):
    """What is asked together, and the task whose result are the answers by place."""

    items: list[Item] = field(default_factory=list)
    awaited: set[int] = field(default_factory=set)
    """The places of those whose callers have not given up."""

    answers: asyncio.Task[dict[int, Answer]] | None = None


class Together(Generic[Item, Answer]):
    """Gathers what is asked, `most` at a time, for `ask`, which answers in the order given."""

    def __init__(
        self, ask: Callable[[Sequence[Item]], Awaitable[Sequence[Answer]]], *, most: int
    ) -> None:
        self._ask = ask
        self._most = most
        self._gathering: _Batch[Item, Answer] | None = None
        self._last: asyncio.Task[dict[int, Answer]] | None = None

    async def __call__(self, item: Item) -> Answer:
        """Return the answer to `item`. Raises StoreUnavailable, and what `ask` raises, for all."""
        batch = self._gathering
        if batch is None or len(batch.items) >= self._most:
            batch = self._gathering = _Batch()
            # In a context of its own, or its log lines would carry the ids of who came first.
            batch.answers = self._last = asyncio.create_task(
                self._carry_out(batch, self._last), context=Context()
            )
        place = len(batch.items)
        batch.items.append(item)
        batch.awaited.add(place)
        assert batch.answers is not None
        try:
            async with store_call():
                return (await asyncio.shield(batch.answers))[place]
        finally:
            batch.awaited.discard(place)

    async def _carry_out(
        self, batch: _Batch[Item, Answer], before: asyncio.Task[dict[int, Answer]] | None
    ) -> dict[int, Answer]:
        if before is not None:
            await asyncio.wait([before])
        if self._gathering is batch:
            self._gathering = None
        places = sorted(batch.awaited)
        if not places:
            return {}
        answers = await self._ask([batch.items[place] for place in places])
        return dict(zip(places, answers, strict=True))
