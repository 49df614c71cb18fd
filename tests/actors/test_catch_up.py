from __future__ import annotations

from uuid import uuid4

from storage.stores import Stores
from tests.storage.samples import SECOND
from tests.support.bus import on_the_bus, told, until


async def test_only_who_missed_something_is_told(stores: Stores, redis_url: str) -> None:
    async with on_the_bus(stores, redis_url, redis_url) as (_, there):
        user_id = uuid4()
        connection, other = await there.connect(user_id), await there.connect(uuid4())
        since = there.clock.store_now()
        missed = await there.insert(user_id)
        await there.catch_up.run(since - SECOND)
        await until(lambda: told(connection) == [str(missed.id)])
    assert other.types == ["authentication_success"]
