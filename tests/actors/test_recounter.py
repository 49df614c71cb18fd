"""What waits to be counted is counted together."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Collection
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from actors.recounter import Recounter, SharedRecounts
from storage.client import StoreUnavailable
from storage.notifications import Counted, Snapshot
from storage.positions import EPOCH
from storage.stores import Stores
from storage.unread_counts import Unread
from tests.storage.samples import NOON, SECOND, a_row
from tests.support.actors import Away, recounts_of


class Recording:
    """Keeps how many were counted at once; those of the first batch wait for `may_go`."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.has_begun = asyncio.Event()
        self.may_go = asyncio.Event()

    async def snapshots(self, wanted: list[Counted]) -> list[Snapshot]:
        self.sizes.append(len(wanted))
        self.has_begun.set()
        await self.may_go.wait()
        return [Snapshot(each.recipient_id.int % 1_000, frozenset()) for each in wanted]

    async def of(self, ids: Collection[UUID], *, recent_since: datetime) -> dict[UUID, Unread]:
        self.sizes.append(len(ids))
        self.has_begun.set()
        await self.may_go.wait()
        return {each: Unread(each.int % 1_000, frozenset()) for each in ids}


@pytest.mark.parametrize("has_arrived", [False, True])
async def test_who_comes_while_others_are_counted_is_counted_together_with_others(
    *, has_arrived: bool
) -> None:
    recording = Recording()
    recounts = recounts_of(recording, recording)
    ids = [uuid4() for _ in range(2 * Recounter.batch_limit)]

    async def count(number: int) -> int:
        if has_arrived:
            return (await recounts.unread(ids[number], recent_since=EPOCH)).count
        return (await recounts.snapshot(ids[number], "unread", recent_since=EPOCH)).count

    first = asyncio.create_task(count(0))
    await recording.has_begun.wait()
    others = [asyncio.create_task(count(number)) for number in range(1, len(ids))]
    await asyncio.sleep(0)
    recording.may_go.set()
    assert await asyncio.gather(first, *others) == [each.int % 1_000 for each in ids]
    assert recording.sizes == [1, Recounter.batch_limit, Recounter.batch_limit - 1]


async def test_each_gets_the_count_of_the_rows_that_it_asked_for(stores: Stores) -> None:
    recounts = recounts_of(stores.notifications, stores.unread_counts)
    user_id, other_id = uuid4(), uuid4()
    rows = [a_row(user_id, created_at=NOON) for _ in range(3)]
    await stores.notifications.insert([*rows, a_row(other_id, created_at=NOON)])
    await stores.notifications.mark_read(user_id, [rows[0].id], at=NOON)
    unread, shown, others, arrived, theirs = await asyncio.gather(
        recounts.snapshot(user_id, "unread", recent_since=NOON),
        recounts.snapshot(user_id, "inbox", recent_since=NOON),
        recounts.snapshot(other_id, "unread", recent_since=NOON),
        recounts.unread(user_id, recent_since=NOON + SECOND),
        recounts.unread(other_id, recent_since=NOON),
    )
    assert (unread.count, shown.count, others.count) == (2, 3, 1)
    assert unread.recent_ids == {row.id for row in rows}
    assert (arrived.count, theirs.count) == (2, 1)
    assert arrived.recent_ids == {row.id for row in rows[1:]}


async def test_while_the_store_is_away_all_who_wait_are_told() -> None:
    recounts = recounts_of(Away(), Away())
    asked: list[Awaitable[Any]] = [
        recounts.snapshot(uuid4(), "unread", recent_since=EPOCH) for _ in range(3)
    ]
    asked.append(recounts.unread(uuid4(), recent_since=EPOCH))
    answers: list[Any] = await asyncio.gather(*asked, return_exceptions=True)
    assert [type(answer) for answer in answers] == [StoreUnavailable] * 4


async def test_a_recounter_that_is_gone_is_as_good_as_a_store_that_is_away(
    stores: Stores,
) -> None:
    recounter = Recounter.start(stores.notifications, stores.unread_counts)
    recounts = SharedRecounts(lambda: recounter)
    await recounter.stop_and_wait(deadline_s=5)
    with pytest.raises(StoreUnavailable):
        await recounts.snapshot(uuid4(), "unread", recent_since=EPOCH)
