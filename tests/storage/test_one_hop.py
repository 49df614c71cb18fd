"""Reads on one thread end in time, and say when the store is away."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from pymongo.errors import NetworkTimeout

from storage.client import StoreUnavailable, open_client
from storage.collection import StoreCollection
from storage.one_hop import OneHop
from tests.support.relay import relayed

if TYPE_CHECKING:
    from motor.motor_asyncio import AsyncIOMotorDatabase


async def test_what_is_read_together_is_what_is_read_alone(
    database: AsyncIOMotorDatabase[dict[str, Any]],
) -> None:
    rows, mine = StoreCollection(database["hops"]), uuid4()
    await rows.insert_new([{"_id": uuid4(), "of": mine, "at": number} for number in range(3)])

    def reads(hop: OneHop) -> tuple[list[Any], int]:
        return hop.find({"of": mine, "at": {"$gt": 0}}, {"at": 1}), hop.count({"of": mine})

    found, count = await rows.in_one_hop(reads)
    assert sorted(each["at"] for each in found) == [1, 2]
    assert all(each.keys() == {"_id", "at"} for each in found)
    assert count == 3


async def test_nothing_is_begun_for_whom_nobody_waits(
    database: AsyncIOMotorDatabase[dict[str, Any]],
) -> None:
    late = OneHop(database["hops"].delegate, until_s=time.monotonic() - 1)
    with pytest.raises(NetworkTimeout):
        late.count({})
    with pytest.raises(NetworkTimeout):
        late.find({}, {})


async def test_a_store_that_is_away_is_told(mongodb_uri: str, database_name: str) -> None:
    with relayed(mongodb_uri) as store:
        client = open_client(f"{store.url}&directConnection=true", app_name="test")
        rows = StoreCollection(client[database_name]["hops"])
        assert await rows.in_one_hop(lambda hop: hop.count({})) >= 0
        store.vanish()
        with pytest.raises(StoreUnavailable):
            await rows.in_one_hop(lambda hop: hop.count({}))
        store.appear()
        client.close()
