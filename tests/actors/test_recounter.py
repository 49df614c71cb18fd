"""What waits to be counted is counted together, on one thread."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from actors.recounter import Recounter, SharedRecounts
from storage.client import StoreUnavailable
from storage.notifications import Counted, Snapshot
from storage.positions import EPOCH
from storage.stores import Stores
from tests.storage.samples import NOON, a_row
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


async def test_who_comes_while_others_are_counted_is_counted_together_with_others() -> None:
    notifications = Recording()
    recounts = recounts_of(notifications)
    ids = [uuid4() for _ in range(2 * Recounter.batch_limit)]

    async def count(number: int) -> int:
        return (await recounts.snapshot(ids[number], "unread", recent_since=EPOCH)).count

    first = asyncio.create_task(count(0))
    await notifications.has_begun.wait()
    others = [asyncio.create_task(count(number)) for number in range(1, len(ids))]
    await asyncio.sleep(0)
    notifications.may_go.set()
    assert await asyncio.gather(first, *others) == [each.int % 1_000 for each in ids]
    assert notifications.sizes == [1, Recounter.batch_limit, Recounter.batch_limit - 1]


async def test_each_gets_the_count_of_the_rows_that_it_asked_for(stores: Stores) -> None:
    recounts = recounts_of(stores.notifications)
    user_id, other_id = uuid4(), uuid4()
    rows = [a_row(user_id, created_at=NOON) for _ in range(3)]
    await stores.notifications.insert([*rows, a_row(other_id, created_at=NOON)])
    await stores.notifications.mark_read(user_id, [rows[0].id], at=NOON)
    unread, shown, others = await asyncio.gather(
        recounts.snapshot(user_id, "unread", recent_since=NOON),
        recounts.snapshot(user_id, "inbox", recent_since=NOON),
        recounts.snapshot(other_id, "unread", recent_since=NOON),
    )
    assert (unread.count, shown.count, others.count) == (2, 3, 1)
    assert unread.recent_ids == {row.id for row in rows}


async def test_while_the_store_is_away_all_who_wait_are_told() -> None:
    recounts = recounts_of(Away())
    asked = [recounts.snapshot(uuid4(), "unread", recent_since=EPOCH) for _ in range(3)]
    answers: list[Any] = await asyncio.gather(*asked, return_exceptions=True)
    assert [type(answer) for answer in answers] == [StoreUnavailable] * 3


async def test_a_recounter_that_is_gone_is_as_good_as_a_store_that_is_away(
    stores: Stores,
) -> None:
    recounter = Recounter.start(stores.notifications)
    recounts = SharedRecounts(lambda: recounter)
    await recounter.stop_and_wait(deadline_s=5)
    with pytest.raises(StoreUnavailable):
        await recounts.snapshot(uuid4(), "unread", recent_since=EPOCH)
