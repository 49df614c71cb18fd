"""A fan-out that two processes share reaches everybody once, whichever of them is killed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any
from uuid import UUID

import pymongo
import pytest

from tests.flows.rows import Rows
from tests.support.api import Api
from tests.support.crashing import SHORTENED
from tests.support.processes import ServerProcess, server_process
from tests.support.seed import seed_followers
from tests.support.world import World

FOLLOWERS = 3_600
"""So many that half of what is left after the first batch is shared."""

KILLED = -9


class Pair:
    """The process that a listing comes to, and one that has nothing to do."""

    def __init__(self, left: ServerProcess, right: ServerProcess, world: World) -> None:
        self.left = left
        self.right = right
        self.world = world


@pytest.fixture
async def pair(mongodb_uri: str, redis_url: str, database_name: str) -> AsyncIterator[Pair]:
    async with AsyncExitStack() as stack:
        left, right = [
            await stack.enter_async_context(
                server_process(mongodb_uri, redis_url, database_name, SNB_INSTANCE=name)
            )
            for name in ("left", "right")
        ]
        api = Api(left.base_url)
        stack.callback(api.close)
        yield Pair(left, right, World(api))


def told_by(mongodb_uri: str, database: str, business_id: UUID) -> dict[str, int]:
    """Return how many each process, whichever its incarnation, has told."""
    with pymongo.MongoClient[dict[str, Any]](mongodb_uri, uuidRepresentation="standard") as client:
        rows = client[database]["notifications"].find({"business_id": business_id}, {"writer": 1})
        writers = [row["writer"].partition("#")[0] for row in rows]
    return {name: writers.count(name) for name in set(writers)}


@pytest.mark.timeout(seconds=300)
@pytest.mark.parametrize("killed", ["right", "left"])
async def test_a_kill_of_either_loses_nothing_and_repeats_nothing(
    killed: str, pair: Pair, rows: Rows, mongodb_uri: str, database_name: str
) -> None:
    mortal, other = (pair.right, pair.left) if killed == "right" else (pair.left, pair.right)
    # The one dies with a share in hand, the other right after it has parted with one.
    step = "cursor" if killed == "right" else SHORTENED
    await asyncio.gather(mortal.start_mortal(), other.start())
    shop = await pair.world.shop()
    await rows.settled()
    followers = seed_followers(mongodb_uri, database_name, shop.id, FOLLOWERS)
    mortal.crash(step)
    await pair.world.post_listing(shop)
    assert await mortal.killed() == KILLED
    assert 0 < rows.count(shop.id) < FOLLOWERS

    await mortal.start()
    await rows.settled(within_s=90)
    assert sorted(rows.recipients(shop.id)) == sorted(followers)
    told = told_by(mongodb_uri, database_name, shop.id)
    assert set(told) == {"left", "right"}
