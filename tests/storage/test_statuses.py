"""When a status last changed, whatever comes in whatever order."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from storage.statuses import KEPT
from tests.storage.samples import MINUTE, NOON

if TYPE_CHECKING:
    from datetime import datetime

    from storage.stores import Stores


async def test_what_never_changed_is_absent(stores: Stores) -> None:
    assert await stores.statuses.newest([uuid4()]) == {}
    assert await stores.statuses.newest([]) == {}
    await stores.statuses.record({}, at=NOON)


@pytest.mark.parametrize("order", list(permutations([NOON, NOON + MINUTE, NOON + 2 * MINUTE])))
async def test_the_newest_change_is_kept_in_any_order(
    order: tuple[datetime, ...], stores: Stores
) -> None:
    key, other = uuid4(), uuid4()
    for occurred_at in order:
        await stores.statuses.record({key: occurred_at}, at=NOON)
    await stores.statuses.record({other: NOON}, at=NOON)
    assert await stores.statuses.newest([key, other, uuid4()]) == {
        key: NOON + 2 * MINUTE,
        other: NOON,
    }


async def test_it_is_kept_for_as_long_as_events_may_come_late(stores: Stores) -> None:
    key = uuid4()
    for at in (NOON, NOON + MINUTE, NOON - MINUTE):
        await stores.statuses.record({key: NOON}, at=at)
    row = await stores.statuses._statuses.find_one({"_id": key})
    assert row is not None
    assert row["purge_at"] == NOON + MINUTE + KEPT
