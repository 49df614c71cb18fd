from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from rules.images import KEPT_FOR, UNUSED_FOR, UPLOADS_A_DAY
from storage.images import DailyUploadsSpent, Image
from storage.stores import Stores
from tests.storage.samples import NOON, SECOND


async def add(stores: Stores, owner: UUID, at_s: int = 0) -> Image:
    return await stores.images.add(
        owner, content_type="image/png", size_bytes=9, at=NOON + at_s * SECOND
    )


async def found(stores: Stores, image: Image) -> Image:
    return (await stores.images.find_many([image.id]))[image.id]


async def test_a_picture_is_found_as_it_was_announced(stores: Stores) -> None:
    image = await add(stores, uuid4())
    assert await found(stores, image) == image
    assert image.purge_at == NOON + UNUSED_FOR
    assert not image.is_checked
    assert await stores.images.find_many([uuid4()]) == {}


async def test_nobody_has_more_than_a_days_worth_whatever_runs_at_once(stores: Stores) -> None:
    owner = uuid4()
    results = await asyncio.gather(
        *(add(stores, owner, n) for n in range(UPLOADS_A_DAY + 3)), return_exceptions=True
    )
    images = [each for each in results if isinstance(each, Image)]
    refused = [each for each in results if isinstance(each, DailyUploadsSpent)]
    assert (len({image.id for image in images}), len(refused)) == (UPLOADS_A_DAY, 3)
    assert {error.limit for error in refused} == {UPLOADS_A_DAY}
    with pytest.raises(DailyUploadsSpent) as again:
        await add(stores, owner)
    tomorrow_s = 12 * 3_600
    assert again.value.retry_after_s == tomorrow_s + 1
    await add(stores, owner, tomorrow_s)
    await add(stores, uuid4())


async def test_what_is_used_is_kept_longer(stores: Stores) -> None:
    image = await add(stores, uuid4())
    assert await stores.images.use(image, until=NOON + KEPT_FOR)
    used = await found(stores, image)
    assert (used.is_checked, used.purge_at) == (True, NOON + KEPT_FOR)
    for days, moved in ((1, 0), (8, 8), (3, 8)):
        assert await stores.images.use(used, until=NOON + KEPT_FOR + timedelta(days=days))
        used = await found(stores, image)
        assert used.purge_at == NOON + KEPT_FOR + timedelta(days=moved)


async def test_what_is_overdue_is_removed_in_two_steps(stores: Stores) -> None:
    image, used = await add(stores, uuid4()), await add(stores, uuid4())
    overdue = await stores.images.overdue(by=NOON + UNUSED_FOR, limit=100)
    assert {image.id, used.id} <= {each.id for each in overdue}
    assert await stores.images.use(used, until=NOON + KEPT_FOR)
    assert not await stores.images.begin_removing(used)
    assert await stores.images.begin_removing(image)
    assert not await stores.images.use(image, until=NOON + KEPT_FOR)
    for each in (image, used):
        await stores.images.remove(each)
    assert await stores.images.find_many([image.id, used.id]) == {
        used.id: await found(stores, used)
    }
